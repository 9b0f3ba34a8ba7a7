import pytest

from libs.rpc.paths import check_path
from libs.rpc.problem import BadPath


@pytest.mark.parametrize(
    "path",
    [
        b"/",
        b"/v1/lists",
        b"/v1/tasks:batch",
        b"/a%20b/",
        b"/%C3%A4",
        b"/.well-known/x",
        b"/..a",
        b"/a;b=c",
        b"/%252e%252e",
    ],
)
def test_lets_ordinary_paths_pass(path: bytes) -> None:
    check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        b"", b"*", b"v1", b"//v1", b"/v1//lists", b"/v1/../x", b"/v1/./x", b"/v1/%2e%2E/x", b"/v1/..",
        b"/a%2Fb", b"/a%2fb", b"/a%5Cb", b"/a\\b", b"/a%00", b"/a\x00", b"/a%0d%0a", b"/a%7f", b"/a%zz", b"/a%",
        b"/a%4", b"/%ff", b"/%c3%28", b"/v1/..;/x", b"/v1/.;a=b/x", b"/v1/%2e%2e%3bx",
    ],
)  # fmt: skip
def test_refuses_paths_that_can_be_read_in_two_ways(path: bytes) -> None:
    with pytest.raises(BadPath) as refused:
        check_path(path)

    assert refused.value.status == 400
