import pytest

from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.varint import varint


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 19_999, 20_000, 2**32, 2**63])
def test_is_written_as_protobuf_reads_it(number: int) -> None:
    assert pb.RawFrame.FromString(b"\x08" + varint(number)).id == number
