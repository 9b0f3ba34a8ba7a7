"""Metrics are shared by name and rendered as Prometheus text."""

from libs.telemetry import metrics


def test_the_same_name_is_the_same_metric() -> None:
    metrics.counter("mt_test_things", "Things", "kind").labels("a").inc()
    metrics.counter("mt_test_things", "Things", "kind").labels("a").inc(2)
    metrics.gauge("mt_test_depth", "Depth").set(4)
    metrics.histogram("mt_test_seconds", "Seconds").observe(0.003)
    text = metrics.render().decode()
    assert 'mt_test_things_total{kind="a"} 3.0' in text
    assert "mt_test_depth 4.0" in text
    assert 'mt_test_seconds_bucket{le="0.005"} 1.0' in text
