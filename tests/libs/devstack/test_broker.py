import subprocess

import redis

from libs.devstack import broker
from libs.devstack.folders import private_folder
from libs.service.embedded import LONGEST_SOCKET
from tests.system.stack import eventually


def test_a_long_path_gets_its_sockets_a_short_private_folder(tmp_path):
    home = tmp_path / ("x" * LONGEST_SOCKET)
    home.mkdir()

    folder = private_folder(home)

    assert len(str(folder / "supervisor.sock")) <= LONGEST_SOCKET
    assert folder.stat().st_mode & 0o777 == 0o700
    assert private_folder(home) == folder


def test_the_embedded_server_keeps_what_it_took_over_kill_9(tmp_path):
    config = broker.write_config(tmp_path)
    socket = private_folder(tmp_path) / "valkey.sock"

    def start():
        process = subprocess.Popen([broker.binary(), config], stdout=subprocess.DEVNULL)
        eventually(socket.exists)
        client = redis.Redis(unix_socket_path=str(socket))
        eventually(lambda: ping(client))
        return process, client

    def ping(client):
        try:
            return client.ping()
        except redis.ConnectionError:
            return False

    process, client = start()
    client.lpush("queue", "task")
    assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    client.close()
    process.kill()
    process.wait()

    process, client = start()
    assert client.lrange("queue", 0, -1) == [b"task"]
    client.close()
    process.terminate()
    process.wait()
