import time

from libs.service.serve import CpuMeter


def test_the_cpu_meter_counts_the_cores_used_since_the_last_question():
    meter = CpuMeter()
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert 0.02 < meter.cores() <= 2.0
    began = meter._since[0]
    assert meter.cores() >= 0.0
    assert meter._since[0] > began
