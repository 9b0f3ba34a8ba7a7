"""What a run came to, for people: figures, what the gateway's log says of failed requests, and what was wrong."""

import re
from collections import Counter
from dataclasses import dataclass, field

import requests

from tests.benchmarks.load import percentile
from tests.benchmarks.tables import table
from tests.system.inside import Library

METRICS = {
    "mt_gateway_retries_total": "sent to another instance",
    "mt_gateway_retries_refused_total": "not sent again, for the budget was spent",
    "mt_gateway_ejections_total": "ejections",
    "mt_gateway_breaker_openings_total": "breaker openings",
}
SHOWN = 20

#: A death is met by requests that were under way, and by those sent before everybody knows of it (seconds).
KNOWN_WITHIN = 2.0


@dataclass
class Report:
    """One run. `log` has what the gateway's records say of each request that failed, by its id."""

    seed: str
    calm: list = field(default_factory=list)
    clients: int = 0
    began: float = 0.0
    seconds: float = 0.0
    samples: list = field(default_factory=list)
    calm_samples: list = field(default_factory=list)  # of before, and of after
    deeds: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    happened: int = 0  # writes without an answer that turned out to have happened
    unhappened: int = 0
    metrics: dict = field(default_factory=dict)
    log: dict = field(default_factory=dict)

    @property
    def failed(self):
        """The answers that there was none."""
        return [sample for sample in self.samples if sample.status in (0, 502, 503, 504)]

    @property
    def share_failed(self):
        return len(self.failed) / max(1, len(self.samples))

    @property
    def worst(self):
        return max((sample.seconds for sample in self.samples), default=0.0)

    def attempts(self, request_id):
        """How often the gateway has sent a request; 0 where its log does not tell."""
        return next((each["attempts"] for each in self.log.get(request_id, ()) if "attempts" in each), 0)

    @property
    def astray(self):
        """Requests that failed though nobody was killed at that time."""
        deaths = [deed.at for deed in self.deeds if deed.what.startswith("kill")]
        return [
            sample
            for sample in self.failed
            if not any(sample.at - KNOWN_WITHIN < death < sample.at + sample.seconds for death in deaths)
        ]

    def read_log(self, stack):
        """Look up what needs looking up."""
        library = Library(stack)
        for request_id in [sample.request_id for sample in self.failed if sample.request_id]:
            self.log[request_id] = [
                each["attributes"]
                for each in library.wait_for(service="gateway", request_id=request_id, enough=has_access_record)
            ]

    def __str__(self):
        return "\n".join(self._lines())

    def _lines(self):
        latencies = [sample.seconds * 1000 for sample in self.samples]
        yield f"seed {self.seed}: {self.clients} clients for {self.seconds:.0f} s"
        if self.calm:
            rows = [(f"in calm, {each.clients} clients", each.rate, each.p50, each.p99) for each in self.calm]
            yield table(("", "per second", "p50 ms", "p99 ms"), rows)
        rate = len(self.samples) / max(self.seconds, 1e-9)
        yield (
            f"{len(self.samples):,} requests, {rate:.1f} a second, p50 {percentile(latencies, 0.5):.0f} ms, "
            f"p99 {percentile(latencies, 0.99):.0f} ms, worst {self.worst:.2f} s"
        )
        done = Counter(deed.what for deed in self.deeds)
        yield "done to instances: " + (", ".join(f"{what} {count}" for what, count in done.most_common()) or "nothing")
        yield "gateway: " + ", ".join(f"{what} {self.metrics.get(name, 0):.0f}" for name, what in METRICS.items())
        yield f"failed: {len(self.failed)} of {len(self.samples):,} ({self.share_failed:.3%})"
        yield f"of writes without an answer, {self.happened} had happened and {self.unhappened} had not"
        yield self._by_answer()
        if self.failed:
            yield self._failures()
        yield from self._wrong()

    def _by_answer(self):
        kinds = Counter((sample.operation, f"{sample.status} {sample.code}".strip()) for sample in self.samples)
        answers = sorted({answer for _, answer in kinds})
        operations = sorted({operation for operation, _ in kinds})
        rows = [(answer, *(kinds.get((each, answer)) for each in operations)) for answer in answers]
        return table(("", *operations), rows)

    def _failures(self):
        kinds = Counter(
            (sample.operation, f"{sample.status} {sample.code}", str(self.attempts(sample.request_id)))
            for sample in self.failed
        )
        rows = [(operation, answer, attempts, count) for (operation, answer, attempts), count in sorted(kinds.items())]
        return table(("failed", "answer", "attempts", "requests"), rows)

    def _wrong(self):
        yield f"wrong: {len(self.faults) + len(self.astray)}"
        for fault in self.faults[:SHOWN]:
            yield f"  {fault.at - self.began:.2f} s, client {fault.client}, {fault.request_id}: {fault.what}"
            yield from self._near(fault.at)
        for sample in self.astray[:SHOWN]:
            yield f"  {sample.at - self.began:.2f} s: no death at that time: {sample}"
            yield from (f"    {record}" for record in self.log.get(sample.request_id, ()))
            yield from self._near(sample.at)

    def _near(self, at):
        near = [deed for deed in self.deeds if -8 < deed.at - at < 3]
        return (f"    {deed.at - at:+.2f} s: {deed.what} {deed.name}" for deed in near)


def has_access_record(records):
    return any("attempts" in record["attributes"] for record in records)


def gateway_metrics(stack):
    """Read the counters of the gateway for TODO."""
    token = (stack.plan.keys / "metrics.token").read_text().strip()
    answer = requests.get(f"{stack.gateway_url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    lines = re.findall(r'^(\w+)\{([^}]*service="todo"[^}]*)\} ([0-9.e+]+)$', answer.text, re.MULTILINE)
    totals = Counter()
    for name, _, value in lines:
        totals[name] += float(value)
    return totals
