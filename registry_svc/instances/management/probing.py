"""The doctor's hands: connections to addresses, clocks of instances, and what each door of a registry says."""

import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import grpc
import requests

from libs.discovery.channels import TIMEOUT, channel, failure, headers
from libs.discovery.documents import instance_from_json
from libs.discovery.model import Instance
from libs.service.identity import signer
from registry_svc.instances.management.asking import AWAY, Questions
from registry_svc.instances.picture import Reading, TypeSeen, name, skew, targets
from registry_svc.instances.records import authority

T = TypeVar("T")
R = TypeVar("R")

CONNECT_TIMEOUT = 1.0
HEALTH_TIMEOUT = 2.0
CONCURRENT = 32
REFUSED = frozenset({"unauthenticated", "invalid_token", "permission_denied"})


def at_once(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do the same for all items, some at a time."""
    with ThreadPoolExecutor(CONCURRENT) as pool:
        return list(pool.map(work, items))


def connections(instances: Iterable[Instance]) -> dict[str, str]:
    """Connect to all that the instances serve; give by address why it failed, "" where it did not."""
    wanted = list(dict.fromkeys(target for each in instances for target in targets(each)))
    return dict(zip([authority(*each) for each in wanted], at_once(_connect, wanted), strict=True))


def skews(instances: Iterable[Instance], connections: Mapping[str, str]) -> dict[str, float]:
    """Give the seconds by which the clock of each instance that can be reached, and tells, is ahead of ours."""
    asked = [each for each in instances if each.http_port and not connections[authority(each.host, each.http_port)]]
    told = zip(asked, at_once(_skew, asked), strict=True)
    return {name(each): seconds for each, seconds in told if seconds is not None}


def read_grpc(address: str) -> Reading:
    """Read all types and instances at a gRPC address."""
    try:
        with channel(address) as opened:
            questions = Questions(opened)
            types = [TypeSeen(each.type, each.degraded, tuple(each.guards)) for each in questions.types()]
            instances = [each for kind in types for each in questions.instances(kind.type)]
        return Reading(address, types=tuple(types), instances=tuple(instances))
    except grpc.RpcError as error:
        code, text = failure(error)
        fault = "registry_away" if code in AWAY else "registry_refuses" if code in REFUSED else "not_a_registry"
        return Reading(address, fault, _line(text or code))


def read_http(url: str) -> Reading:
    """Read all types and instances at an HTTP address."""
    base = f"{url.rstrip('/')}/v1/services"
    try:
        with requests.Session() as session:
            session.trust_env = False
            types = [_type_seen(each) for each in _items(session, base)]
            documents = [item for each in types for item in _items(session, f"{base}/{each.type}/instances")]
        return Reading(url, types=tuple(types), instances=tuple(map(instance_from_json, documents)))
    except (requests.ConnectionError, requests.Timeout) as error:
        return Reading(url, "registry_away", f"no connection: {type(error).__name__}")
    except requests.HTTPError as error:
        status = error.response.status_code
        fault = {401: "registry_refuses", 403: "registry_refuses"}.get(status, "not_a_registry")
        return Reading(url, "registry_away" if status >= 500 else fault, f"HTTP {status}")
    except (requests.RequestException, LookupError, TypeError, ValueError) as error:
        return Reading(url, "not_a_registry", _line(f"its answer is of another form ({error!r})"))


def _items(session: requests.Session, url: str) -> list[dict[str, Any]]:
    answer = session.get(url, headers=headers(signer()), timeout=TIMEOUT, allow_redirects=False)
    answer.raise_for_status()
    return list(answer.json()["items"])


def _type_seen(item: dict[str, Any]) -> TypeSeen:
    return TypeSeen(item["type"], bool(item["degraded"]), tuple(item.get("guards", ())))


def _connect(target: tuple[str, int]) -> str:
    try:
        socket.create_connection(target, CONNECT_TIMEOUT).close()
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that IDNA can't encode
        return _line(str(getattr(error, "strerror", "") or error or type(error).__name__))
    return ""


def _skew(instance: Instance) -> float | None:
    url = f"http://{authority(instance.host, instance.http_port)}/healthz"
    try:
        with requests.Session() as session:
            session.trust_env = False
            sent = datetime.now(UTC)
            limits = (CONNECT_TIMEOUT, HEALTH_TIMEOUT)
            answer = session.get(url, timeout=limits, allow_redirects=False, stream=True)
            told = parsedate_to_datetime(answer.headers["Date"])
    except (requests.RequestException, LookupError, ValueError):
        return None
    return skew(told if told.tzinfo else told.replace(tzinfo=UTC), sent, datetime.now(UTC))


def _line(text: str) -> str:
    return " ".join(text.split())
