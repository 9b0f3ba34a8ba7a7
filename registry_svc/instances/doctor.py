"""The doctor: what hurts, found in a picture of the platform. Pure functions over data; codes are stable.

code                  level            what hurts
registry_away         error            a registry of the settings does not answer
registry_refuses      error            it does not take this service's token
not_a_registry        error            something else answers there
registries_disagree   error            two registries know different instances
database_away         error            the Registry's database can't be read
unreachable           error, warning   an instance takes no connection; a warning unless it is `up`
duplicate_address     error, warning   two instances at one host and port; a warning unless both could be used
unreachable_host      error            an instance advertises a host that means another machine to others
clock_skew            warning          an instance's clock and ours differ
mixed_versions        warning          instances of a type run different versions
none_up               error            a type has instances, and none is up
down                  warning          an instance can be reached, and is down all the same
damped                warning          an instance went up and down too often
forgotten             warning          an instance drains or rests for more than an hour
no_weight             warning          all instances of a type have weight 0
degraded              warning          evictions of a type are held back
route_conflict        error            two types claim a route
weak_setting          error, warning   a setting that promises less than it seems
open_key              error            others on this machine can read a key
"""

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from libs.discovery.model import Instance
from registry_svc.instances.picture import Picture, Setup, name, targets
from registry_svc.instances.records import authority

Level: TypeAlias = Literal["error", "warning"]

MAX_SKEW = 2.0  # seconds
FORGOTTEN = timedelta(hours=1)
SLOW_LEASE = 3.0  # seconds: a silent loss is promised to be noticed within
QUICK_LEASE = 1.0  # seconds: below, a busy machine loses leases by mistake
MAX_NAMED = 5  # instances named in one line


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that hurts: where, what it is, and what to do."""

    level: Level
    code: str
    where: str
    what: str
    remedy: str


def examine(picture: Picture) -> list[Finding]:
    """Make all checks; errors come first."""
    found = [finding for check in CHECKS for finding in check(picture)]
    return sorted(found, key=lambda finding: finding.level != "error")


# -- registries --------------------------------------------------------------------------------------------------------

_REGISTRY_FAULTS = {
    "registry_away": ("does not answer", "start it, or correct its address in the settings"),
    "registry_refuses": (
        "refuses this service's token",
        "give it and the other services the same bundle services.json",
    ),
    "not_a_registry": ("is no Registry", "correct MT_REGISTRY_ADDRESSES (gRPC) or MT_REGISTRY_URLS (HTTP)"),
}


def registries_answer(picture: Picture) -> Iterator[Finding]:
    """Every registry of the settings answers, and is one."""
    for each in picture.readings:
        if each.fault:
            what, remedy = _REGISTRY_FAULTS[each.fault]
            yield Finding("error", each.fault, each.address, f"it {what}: {each.detail}", remedy)


def registries_agree(picture: Picture) -> Iterator[Finding]:
    """All registries know the same instances."""
    answered = [each for each in picture.readings if not each.fault]
    everybody = frozenset[str]().union(*(each.names for each in answered))
    for each in answered:
        missing = everybody - each.names
        if missing:
            what = f"it does not know {_list(missing)}, which another registry knows"
            yield Finding("error", "registries_disagree", each.address, what, "let all registries use one database")


def database_answers(picture: Picture) -> Iterator[Finding]:
    """The Registry's database can be read."""
    if picture.database_fault:
        remedy = "start it, or run this with the MT_DATABASE_URL or MT_HOME of the Registry"
        yield Finding("error", "database_away", "the Registry's database", picture.database_fault, remedy)


# -- addresses ---------------------------------------------------------------------------------------------------------


def addresses_take_connections(picture: Picture) -> Iterator[Finding]:
    """Whoever is registered can be reached."""
    for each in picture.instances:
        failures = _failures(picture, each)
        if failures:
            level: Level = "error" if each.state == "up" else "warning"
            what = "; ".join(f"{address} takes no connection from here: {why}" for address, why in failures.items())
            remedy = "look at its log and at MT_ADVERTISE_HOST; from outside its network this is normal"
            yield Finding(level, "unreachable", name(each), what, remedy)


def addresses_are_unique(picture: Picture) -> Iterator[Finding]:
    """No two instances name the same host and port."""
    holders: dict[str, list[Instance]] = defaultdict(list)
    for each in picture.instances:
        for target in targets(each):
            holders[authority(*target)].append(each)
    for address, those in holders.items():
        if len(those) > 1:
            usable = [each for each in those if each.state != "down"]
            level: Level = "error" if len(usable) > 1 else "warning"
            remedy = "give each its own MT_ADVERTISE_HOST, or ports"
            yield Finding(
                level, "duplicate_address", address, f"it is the address of {_list(map(name, those))}", remedy
            )


def hosts_mean_the_same_to_all(picture: Picture) -> Iterator[Finding]:
    """Nobody advertises a host that others can't use."""
    distributed = any(not _is_local(each.host) for each in picture.instances)
    for each in picture.instances:
        if _is_unspecified(each.host):
            what = f"it advertises {each.host}, which is no address to connect to"
        elif distributed and _is_local(each.host):
            what = f"it advertises {each.host}, while others are on other machines"
        else:
            continue
        yield Finding("error", "unreachable_host", name(each), what, "set its MT_ADVERTISE_HOST")


# -- instances ---------------------------------------------------------------------------------------------------------


def clocks_agree(picture: Picture) -> Iterator[Finding]:
    """Clocks are right, as tokens and events carry times."""
    for who, seconds in picture.skews.items():
        if abs(seconds) > MAX_SKEW:
            side = "ahead of" if seconds > 0 else "behind"
            what = f"its clock is {abs(seconds):.0f} s {side} ours"
            yield Finding("warning", "clock_skew", who, what, "let NTP set the clocks of both machines")


def versions_agree(picture: Picture) -> Iterator[Finding]:
    """A type runs one version."""
    for kind, those in picture.by_type.items():
        versions = sorted({each.version for each in those if each.state != "down"})
        if len(versions) > 1:
            what = f"its instances run {', '.join(each or 'an unnamed version' for each in versions)}"
            yield Finding("warning", "mixed_versions", kind, what, "finish the roll-out, or take it back")


def somebody_is_up(picture: Picture) -> Iterator[Finding]:
    """A type with instances has one that is up."""
    for kind, those in picture.by_type.items():
        if not any(each.state == "up" for each in those):
            states = ", ".join(f"{each.id} {each.state}" for each in those[:MAX_NAMED])
            remedy = "start one, or `resume` one that drains or rests"
            yield Finding("error", "none_up", kind, f"none of its {len(those)} instances is up: {states}", remedy)


def nobody_is_down(picture: Picture) -> Iterator[Finding]:
    """Nobody is down for a reason that no other check tells."""
    for each in picture.instances:
        if each.state == "down" and not each.damped and not _failures(picture, each):
            check = each.last_check
            why = (
                f"its last health check: {check.status}, {check.detail}" if check else "the Registry has not reached it"
            )
            remedy = f"look at its log, and at `history {each.type} {each.id}`"
            yield Finding("warning", "down", name(each), f"it takes connections and is down; {why}", remedy)


def nobody_flaps(picture: Picture) -> Iterator[Finding]:
    """Nobody is held down for going up and down too often."""
    for each in picture.instances:
        if each.damped:
            what = "it went up and down too often, and is held down for a while"
            remedy = f"find out why: `history {each.type} {each.id}`, and its log"
            yield Finding("warning", "damped", name(each), what, remedy)


def nobody_is_forgotten(picture: Picture) -> Iterator[Finding]:
    """Draining and maintenance end some day."""
    for each in picture.instances:
        began = picture.began.get(name(each))
        if began and picture.now - began > FORGOTTEN:
            hours = (picture.now - began) // timedelta(hours=1)
            what = f"{each.state} for {hours} h, and nobody resumed it"
            yield Finding("warning", "forgotten", name(each), what, f"`resume {each.type} {each.id}`, or stop it")


def somebody_has_weight(picture: Picture) -> Iterator[Finding]:
    """A type has an instance that weights let have requests."""
    for kind, those in picture.by_type.items():
        up = [each for each in those if each.state == "up"]
        if up and not any(each.weight for each in up):
            what = "all its instances have weight 0, so each gets the same share"
            yield Finding("warning", "no_weight", kind, what, "set MT_WEIGHT of those that shall have requests")


_GUARDS = {
    "warm_up": ("the Registry started a moment ago and evicts nobody yet", "wait for one lease"),
    "stall": ("the Registry's process stood still, so nobody's silence counts", "give its machine more CPU"),
    "unsynced": ("the shared database can't be read, so what other registries know is missing", "look at the database"),
    "mass_loss": (
        "many leases lapsed at once; few are evicted at a time",
        "look at the network, and at their machines",
    ),
}


def evictions_are_not_held_back(picture: Picture) -> Iterator[Finding]:
    """No guard is on. Types under the same guard share a finding."""
    guarded: dict[str, list[str]] = defaultdict(list)
    for kind in picture.types:
        for guard in kind.guards or (("",) if kind.degraded else ()):
            guarded[guard].append(kind.type)
    for guard, kinds in guarded.items():
        what, remedy = _GUARDS.get(guard, (guard or "evictions are held back", "look at the Registry's log"))
        yield Finding("warning", "degraded", ", ".join(kinds), what, remedy)


def routes_have_one_owner(picture: Picture) -> Iterator[Finding]:
    """A route leads to one type."""
    owners: dict[str, set[str]] = defaultdict(set)
    for each in picture.instances:
        for route in each.routes:
            owners[route.rstrip("/") or "/"].add(each.type)
    for route, kinds in owners.items():
        if len(kinds) > 1:
            what = f"{_list(kinds)} claim it, and the gateway sends to one of them alone"
            yield Finding("error", "route_conflict", route, what, "take it from the ROUTES of all but one")


# -- settings ----------------------------------------------------------------------------------------------------------


def settings_are_strong(picture: Picture) -> Iterator[Finding]:
    """The settings keep what the Registry promises."""
    for variable, level, what, remedy in _weak(picture.setup):
        yield Finding(level, "weak_setting", variable, what, remedy)


def _weak(setup: Setup) -> Iterator[tuple[str, Level, str, str]]:
    ttl = f"{setup.lease_ttl:g} s"
    if setup.lease_ttl > SLOW_LEASE:
        yield "MT_LEASE_TTL", "warning", f"a silent loss is noticed after {ttl}, not {SLOW_LEASE:g}", "set it to 3"
    if setup.lease_ttl < QUICK_LEASE:
        yield "MT_LEASE_TTL", "warning", f"within {ttl}, a busy machine misses its beats", "set it to 1 to 3"
    if setup.reap_after < setup.lease_ttl:
        what = f"a down instance is forgotten after {setup.reap_after:g} s, sooner than its lease of {ttl} ends"
        yield "MT_REAP_AFTER", "warning", what, "set it well above MT_LEASE_TTL"
    if setup.evict_percent >= 100:
        what = "a loss of the network may evict everybody at once: the guard is off"
        yield "MT_EVICT_PERCENT", "warning", what, "set it to 15"
    if not setup.metrics_token and not setup.embedded:
        yield "MT_METRICS_TOKEN", "warning", "/metrics answers 404, so nothing can watch", "set a token"
    if setup.registries > 1 and setup.embedded:
        what = f"{setup.registries} registries on SQLite know nothing of each other"
        yield "MT_REGISTRY_ADDRESSES", "error", what, "give them one PostgreSQL by MT_DATABASE_URL"


def keys_are_closed(picture: Picture) -> Iterator[Finding]:
    """Keys are for their owner to read."""
    for file in picture.setup.open_keys:
        yield Finding("error", "open_key", file, "others on this machine can read it", f"chmod 600 {file}")


Check: TypeAlias = Callable[[Picture], Iterator[Finding]]

CHECKS: Sequence[Check] = (
    registries_answer,
    registries_agree,
    database_answers,
    addresses_take_connections,
    addresses_are_unique,
    hosts_mean_the_same_to_all,
    somebody_is_up,
    routes_have_one_owner,
    settings_are_strong,
    keys_are_closed,
    evictions_are_not_held_back,
    nobody_is_down,
    nobody_flaps,
    nobody_is_forgotten,
    clocks_agree,
    versions_agree,
    somebody_has_weight,
)


def _failures(picture: Picture, instance: Instance) -> dict[str, str]:
    """Give the addresses of an instance that took no connection, and why."""
    tried = {authority(*target): picture.connections.get(authority(*target), "") for target in targets(instance)}
    return {address: why for address, why in tried.items() if why}


def _list(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - MAX_NAMED} more" if len(ordered) > MAX_NAMED else ""
    return ", ".join(ordered[:MAX_NAMED]) + more


def _is_unspecified(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_unspecified


def _is_local(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback or address.is_unspecified


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
