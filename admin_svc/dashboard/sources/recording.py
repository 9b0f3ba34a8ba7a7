"""A recording of a platform, for tests and for looking at pages without one: scripted answers, remembered calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from admin_svc.dashboard.instances import Instance
from admin_svc.dashboard.sources.base import Params
from libs.contracts.errors import NotFound, ServiceError

Answer = Callable[[dict[str, Any]], Any]


@dataclass(eq=False)
class RecordingSource:
    """Answers what was scripted with `answer`; everything asked of it is kept in `calls`."""

    found: list[Instance] = field(default_factory=list)
    calls: list[tuple[str, str, str, dict[str, Any]]] = field(default_factory=list)
    _answers: dict[tuple[str, str, str], Answer] = field(default_factory=dict)
    _callbacks: list[Callable[[], None]] = field(default_factory=list)

    def instances(self) -> Sequence[Instance]:
        """Give what was found."""
        return list(self.found)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Keep `callback` for `change`."""
        self._callbacks.append(callback)

    def change(self, *instances: Instance) -> None:
        """Replace the snapshot and tell everybody who listens."""
        self.found = list(instances)
        for callback in self._callbacks:
            callback()

    def answer(self, method: str, service: str, path: str, result: Any) -> None:
        """Script an answer: a value, a ServiceError to raise, or a function of the parameters."""
        self._answers[method, service, path] = result if callable(result) else lambda _given: result

    def get(self, service: str, path: str, params: Params | None = None) -> Any:
        """Give the scripted answer."""
        return self._play("GET", service, path, dict(params or {}))

    def post(self, service: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Give the scripted answer."""
        return self._play("POST", service, path, dict(body or {}))

    def called(self, method: str, service: str, path: str) -> list[dict[str, Any]]:
        """List the parameters or bodies with which this was asked."""
        return [given for *key, given in self.calls if key == [method, service, path]]

    def _play(self, method: str, service: str, path: str, given: dict[str, Any]) -> Any:
        self.calls.append((method, service, path, given))
        answer = self._answers.get((method, service, path))
        result = answer(given) if answer else NotFound(f"{method} {service} {path} is not scripted")
        if isinstance(result, ServiceError):
            raise result
        return result
