"""What is asked every few seconds, and what happens when nobody answers."""

from admin_svc.dashboard.instances import Load
from admin_svc.dashboard.observations import Observer
from admin_svc.dashboard.sources.recording import RecordingSource
from libs.contracts.errors import Unavailable
from tests.admin_svc.scenes import a_record, an_instance, play


def test_checks_load_and_guards_are_observed(platform: RecordingSource) -> None:
    play(platform, an_instance("todo", load=Load(3, 0.5, 1)), guards={"todo": ["warm_up", "mass_loss"]})
    observed = Observer(platform, max_age=60).latest()
    assert observed.instances["todo", "todo-1"].load == Load(3, 0.5, 1)
    assert observed.degraded == {"todo": ("warm_up", "mass_loss")}


def test_a_registry_that_names_no_guards_still_tells_what_is_degraded(platform: RecordingSource) -> None:
    kinds = [{"type": "todo", "degraded": True}, {"type": "auth", "degraded": False}]
    platform.answer("GET", "registry", "/v1/services", {"items": kinds})
    assert Observer(platform, max_age=60).latest().degraded == {"todo": ()}


def test_error_records_are_counted_by_instance(platform: RecordingSource) -> None:
    records = [a_record(instance="todo-1"), a_record(instance="todo-1"), a_record(instance="todo-2")]
    platform.answer("GET", "logger", "/v1/logs", {"items": records})
    assert Observer(platform, max_age=60).latest().errors == {("todo", "todo-1"): 2, ("todo", "todo-2"): 1}
    asked = platform.called("GET", "logger", "/v1/logs")[0]
    assert asked["level"] == "error"


def test_a_recent_observation_is_used_again(platform: RecordingSource) -> None:
    observer = Observer(platform, max_age=60)
    observer.latest()
    observer.latest()
    assert len(platform.called("GET", "registry", "/v1/services")) == 1


def test_an_old_observation_is_renewed(platform: RecordingSource) -> None:
    observer = Observer(platform, max_age=0)
    observer.latest()
    observer.latest()
    assert len(platform.called("GET", "registry", "/v1/services")) == 2


def test_while_the_registry_is_away_the_last_facts_stay_and_the_reason_is_told(platform: RecordingSource) -> None:
    observer = Observer(platform, max_age=60)
    known = observer.latest().instances
    platform.answer("GET", "registry", "/v1/services", Unavailable("no registry answers"))
    assert observer.renew().instances == known
    assert observer.renew().registry_failure == "no registry answers"


def test_while_logger_is_away_error_counts_are_unknown_not_zero(platform: RecordingSource) -> None:
    platform.answer("GET", "logger", "/v1/logs", Unavailable("logger is away"))
    observed = Observer(platform, max_age=60).latest()
    assert observed.errors is None
    assert observed.logger_failure == "logger is away"
