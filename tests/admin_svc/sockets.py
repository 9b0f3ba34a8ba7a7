"""A WebSocket client over ASGI. (Channels' own needs daphne.)"""

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator


class SocketClient(ApplicationCommunicator):
    """Speaks to an ASGI application as a browser's WebSocket does."""

    def __init__(self, application: Any, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
        super().__init__(application, scope)

    async def connect(self) -> bool:
        """Open; says whether the application accepted."""
        await self.send_input({"type": "websocket.connect"})
        return bool((await self.receive_output(timeout=2))["type"] == "websocket.accept")

    async def close_code(self) -> int:
        """Wait for the application to close."""
        message = await self.receive_output(timeout=2)
        assert message["type"] == "websocket.close"
        return int(message["code"])

    async def send(self, message: Any) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps(message)})

    async def receive(self) -> dict[str, Any]:
        message = await self.receive_output(timeout=3)
        assert message["type"] == "websocket.send"
        received: dict[str, Any] = json.loads(message["text"])
        return received

    async def until(self, kind: str) -> dict[str, Any]:
        """Wait for a message of a type."""
        while True:
            message = await self.receive()
            if message.get("type") == kind:
                return message

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=2)
