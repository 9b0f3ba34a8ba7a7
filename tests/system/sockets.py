"""Which TCP ports processes listen on (Linux), and HTTP as raw bytes."""

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

LISTENING = "0A"
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def listeners(pids):
    """Give {port: address in hexadecimal} of all TCP sockets on which the processes listen."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except FileNotFoundError:  # it was closed in the meantime
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = {}
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in inodes:
                address, _, port = fields[1].rpartition(":")
                found[int(port, 16)] = address
    return found


class RawAnswer:
    """An answer with what the checks of problems need."""

    def __init__(self, response):
        self.status_code = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    def json(self):
        return json.loads(self.text)


def raw_request(url, method, path, body=None, headers=()):
    """Send a request whose path is not tidied up on the way."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=15)
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        return RawAnswer(connection.getresponse())
    finally:
        connection.close()
