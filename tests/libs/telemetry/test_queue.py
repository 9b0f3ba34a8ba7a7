"""The queue between those who log and the shipper: bounded, in order, never waiting, counting what it drops."""

import threading

from libs.telemetry.losses import Losses
from libs.telemetry.queue import BATCH_BYTES, BATCH_RECORDS, RecordQueue


def test_records_come_out_in_order_whatever_their_level() -> None:
    queue = RecordQueue(Losses())
    for number in range(6):
        queue.put(str(number).encode(), debug=number % 2 == 0)
    assert queue.take() == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert queue.take() == []


def test_a_batch_is_limited_in_records_and_bytes() -> None:
    queue = RecordQueue(Losses())
    for _number in range(BATCH_RECORDS + 1):
        queue.put(b"x")
    assert [len(queue.take()), len(queue.take())] == [BATCH_RECORDS, 1]
    for _number in range(3):
        queue.put(b"x" * (BATCH_BYTES // 2))
    assert [len(queue.take()), len(queue.take())] == [2, 1]
    queue.put(b"x" * BATCH_BYTES * 2)
    assert len(queue.take()) == 1


def test_debug_goes_first_when_there_is_no_room_then_the_oldest() -> None:
    losses = Losses()
    queue = RecordQueue(losses, max_records=3)
    for text, debug in ((b"a", False), (b"b", True), (b"c", False), (b"d", False), (b"e", False), (b"f", True)):
        queue.put(text, debug=debug)
    assert queue.take() == [b"c", b"d", b"e"]
    assert losses.take() == {"count": 3, "reasons": {"queue_full": 3}}


def test_bytes_are_limited_too() -> None:
    losses = Losses()
    queue = RecordQueue(losses, max_bytes=10)
    for number in range(5):
        queue.put(b"%d---" % number)
    assert queue.take() == [b"3---", b"4---"]
    assert losses.take()["count"] == 3


def test_it_tells_when_something_arrived_and_when_a_batch_is_full() -> None:
    queue = RecordQueue(Losses())
    assert not queue.arrived.is_set()
    queue.put(b"x")
    assert queue.arrived.is_set()
    assert not queue.ready.is_set()
    for _number in range(BATCH_RECORDS):
        queue.put(b"x")
    assert queue.ready.is_set()
    queue.take()
    assert not queue.ready.is_set()
    queue.take()
    assert not queue.arrived.is_set()


def test_many_threads_lose_and_double_nothing() -> None:
    queue = RecordQueue(Losses())
    barrier = threading.Barrier(4)
    taken: list[bytes] = []

    def put(name: int) -> None:
        barrier.wait(timeout=10)
        for number in range(1_000):
            queue.put(b"%d-%d" % (name, number))

    threads = [threading.Thread(target=put, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or len(queue):
        taken += queue.take()
    assert len(taken) == len(set(taken)) == 4_000
