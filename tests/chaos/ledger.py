"""What one client has been answered of its list, and what it therefore must find there.

A write without an answer leaves a doubt: until it is settled, the state before and the state after it are both right,
but once the state after was seen, there is no way back. A doubt lasts while an instance may still be at it. A write
that was refused leaves none: nothing of it may ever be seen.
"""

from dataclasses import dataclass

#: An instance may still be at a write so long after its caller was told that there is no answer (seconds).
DOUBTFUL = 20.0

#: What a write changes by the way.
STAMPS = frozenset(("version", "updated_at"))
COMPLETION = frozenset(("status", "completed_at", "completed_by"))


@dataclass(frozen=True)
class Doubt:
    """A write without an answer: the members that it sets (None: it deletes), and until when it may happen."""

    sets: dict | None
    until: float


@dataclass
class Known:
    """A task as it was answered last."""

    document: dict
    doubt: Doubt | None = None


class Ledger:
    """The tasks of one list. Each method that is told what was found gives the faults in it."""

    def __init__(self, clock):
        self._clock = clock
        self.tasks = {}  # id → Known
        self.gone = set()  # ids that were deleted
        self.born = {}  # titles of creations without an answer → until when they may happen; None: until they are told
        self.never = set()  # titles of creations that were refused
        self.happened = 0  # how many writes without an answer turned out to have happened
        self.unhappened = 0

    @property
    def certain(self):
        """The ids of the tasks that nothing is in doubt about."""
        return [task_id for task_id, known in self.tasks.items() if known.doubt is None]

    @property
    def is_certain(self):
        return not self.born and len(self.certain) == len(self.tasks)

    @property
    def counts(self):
        done = sum(known.document["status"] == "done" for known in self.tasks.values())
        return {"open": len(self.tasks) - done, "done": done}

    # -- what was done -----------------------------------------------------------------------------------------

    def created(self, document):
        """A creation was answered; what it made may have been seen before."""
        self.born.pop(document["title"], None)
        known = self.tasks.get(document["id"])
        if known is None:
            self.tasks[document["id"]] = Known(document)
            return self._twins(document["title"])
        return self._compared(document, known.document, "is not what was created")

    def written(self, task_id, sets, document):
        """A change was answered."""
        faults = _difference(self.tasks[task_id].document, document, sets)
        self.tasks[task_id] = Known(document)
        return [f"task {task_id} was changed otherwise: {fault}" for fault in faults]

    def deleted(self, task_id):
        """A deletion was answered."""
        self.tasks.pop(task_id)
        self.gone.add(task_id)

    def doubt_creation(self, title, *, for_ever=False):
        """A creation got no answer; `for_ever`: until its repetition is told by `created`."""
        self.born[title] = None if for_ever else self._clock() + DOUBTFUL

    def doubt(self, task_id, sets):
        """A write got no answer."""
        self.tasks[task_id].doubt = Doubt(sets, self._clock() + DOUBTFUL)

    # -- what was found ----------------------------------------------------------------------------------------

    def found(self, document):
        """One task was read, in whatever way."""
        known = self.tasks.get(document["id"])
        if known is None:
            return self._adopted(document)
        if document == known.document:
            if known.doubt and known.doubt.until < self._clock():
                known.doubt = None
                self.unhappened += 1
            return []
        if known.doubt and known.doubt.sets is not None and not _difference(known.document, document, known.doubt.sets):
            self.tasks[document["id"]] = Known(document)
            self.happened += 1
            return []
        return self._compared(document, known.document, "is not as it was answered")

    def missing(self, task_id):
        """A task that should be there was not found."""
        known = self.tasks[task_id]
        if known.doubt and known.doubt.sets is None:
            self.deleted(task_id)
            self.happened += 1
            return []
        self.deleted(task_id)  # told once
        return [f"task {task_id} is lost: {known.document}"]

    def listed(self, documents):
        """All tasks of the list were read at once."""
        faults = [fault for document in documents for fault in self.found(document)]
        ids = {document["id"] for document in documents}
        if len(ids) < len(documents):
            faults.append("the list names a task twice")
        for task_id in self.tasks.keys() - ids:
            faults += self.missing(task_id)
        now = self._clock()
        for title in [title for title, until in self.born.items() if until is not None and until < now]:
            self.never.add(title)
            del self.born[title]
            self.unhappened += 1
        return faults

    def _adopted(self, document):
        """A task that nobody was told of: of a creation without an answer, or something is wrong."""
        title = document["title"]
        self.tasks[document["id"]] = Known(document)
        if document["id"] in self.gone:
            return [f"task {document['id']} was deleted and is back"]
        if twins := self._twins(title):
            return twins
        if title in self.never:
            return [f"a creation that was refused has happened: {document}"]
        if title not in self.born:
            return [f"nobody has made this: {document}"]
        if self.born[title] is not None:
            del self.born[title]
        self.happened += 1
        return []

    def _twins(self, title):
        ids = [task_id for task_id, known in self.tasks.items() if known.document["title"] == title]
        return [f"one creation made {len(ids)} tasks: {title} {ids}"] if len(ids) > 1 else []

    def _compared(self, document, before, what):
        self.tasks[document["id"]] = Known(document)
        changed = {name: (before[name], document.get(name)) for name in before if before[name] != document.get(name)}
        return [f"task {document['id']} {what}: {changed}"] if changed or len(before) != len(document) else []


def _difference(before, after, sets):
    """Give what differs between a document and the one before it with one write applied, once."""
    free = STAMPS | sets.keys() | (COMPLETION if "status" in sets else frozenset())
    wrong = [name for name, value in sets.items() if after.get(name) != value]
    wrong += [name for name in before if name not in free and after.get(name) != before[name]]
    if after.get("version") != before["version"] + 1:
        wrong.append("version")
    return [f"{name}: {before.get(name)!r} → {after.get(name)!r}, wanted {sets.get(name)!r}" for name in wrong]
