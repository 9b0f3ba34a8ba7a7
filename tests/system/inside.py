"""A program inside the platform: it holds a service's key, calls others over the bridge and the Registry over gRPC."""

import json
from contextlib import contextmanager
from urllib.parse import urlencode

import grpc

from libs.identity.principal import Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.client import HANDLE
from libs.rpc.messages import from_principal, new_request_id
from libs.rpc.registry_pb2_grpc import RegistryStub
from tests.system.stack import eventually

OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]


class Answer:
    """What a service answered over the bridge."""

    def __init__(self, response):
        self.status_code = response.status
        self.headers = {header.name: header.value.decode() for header in response.headers}
        self.text = response.body.decode()

    def json(self):
        return json.loads(self.text)


class Insider:
    """A caller with the key of `service`."""

    def __init__(self, stack, service="admin"):
        self.stack = stack
        self.service = service

    def get(self, service, path, **options):
        return self.call(service, "GET", path, **options)

    def post(self, service, path, body=None, **options):
        return self.call(service, "POST", path, body=body, **options)

    def call(self, service, method, path, *, body=None, content=None, params=None, user_id="", route="", token=None):
        """Send one request to an instance of `service` that the Registry names; grpc.RpcError for no answer.

        `body` is sent as JSON, `content` as lines of JSON; `token` replaces the caller's own, empty for none.
        """
        kind = b"application/json" if content is None else b"application/x-ndjson"
        content = content or (b"" if body is None else json.dumps(body).encode())
        request = pb.Request(
            method=method,
            raw_path=path.encode(),
            query=urlencode(params or {}).encode(),
            scheme="http",
            authority=service,
            headers=[pb.Header(name="content-type", value=kind)] if content else [],
            body=content,
            principal=from_principal(Principal(user_id, scopes=frozenset({"lists:read"}))) if user_id else None,
            request_id=new_request_id(),
            route=route,
        )
        target = next(item["grpc_address"] for item in self.stack.instances(service) if item["state"] == "up")
        token = self.stack.token(self.service, service) if token is None else token
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        with grpc.insecure_channel(target, OPTIONS) as channel:
            handle = channel.unary_unary(HANDLE, pb.Request.SerializeToString, pb.Response.FromString)
            return Answer(handle(request, timeout=10, metadata=metadata))


class Library:
    """Logger as Admin reads it."""

    def __init__(self, stack):
        self.reader = Insider(stack, "admin")

    def find(self, **filters):
        """Give all records that fit, the newest first."""
        items, cursor = [], None
        while True:
            params = {**filters, "limit": 200, **({"cursor": cursor} if cursor else {})}
            answer = self.reader.get("logger", "/v1/logs", params=params)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return items

    def wait_for(self, *, within=10, enough=len, **filters):
        """Wait until there are records that fit, `enough` of them, and give them."""

        def look():
            found = self.find(**filters)
            return found if enough(found) else None

        return eventually(look, within=within, what=f"records with {filters}")

    def writers(self):
        """Give (service, instance) of all who have written."""
        items = self.reader.get("logger", "/v1/logs/services").json()["items"]
        return {(item["service"], item["instance"]) for item in items}


@contextmanager
def registry(stack):
    """The Registry's gRPC methods."""
    with grpc.insecure_channel(stack.registry_grpc, OPTIONS) as channel:
        yield RegistryStub(channel)


def bearer(token):
    """The metadata that say who calls."""
    return (("authorization", f"Bearer {token}"),)


def refusal(call, *arguments, **options):
    """Give (gRPC status name, `mt-code`) of a call that is refused."""
    try:
        call(*arguments, timeout=10, **options)
    except grpc.RpcError as error:
        return error.code().name, dict(error.trailing_metadata() or ()).get("mt-code", "")
    raise AssertionError("the call was not refused")
