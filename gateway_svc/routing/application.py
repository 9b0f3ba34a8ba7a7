"""Wires the pipeline from the settings, and ties it to the life of the process."""

import asyncio
from collections.abc import Awaitable

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from gateway_svc.routing.authentication import Authenticator, PersonalTokens, fetch_keys
from gateway_svc.routing.cors import Cors
from gateway_svc.routing.forwarding import TrustedProxies
from gateway_svc.routing.head import Heads
from gateway_svc.routing.observation import Gauges
from gateway_svc.routing.pipeline import Pipeline
from gateway_svc.routing.policies import Policies, Policy, parse_overrides
from gateway_svc.routing.rates import configured_limits
from gateway_svc.routing.revocations import RevocationPoller, Revoked
from gateway_svc.routing.table import RouteTable
from gateway_svc.routing.upstream import Upstream
from libs.discovery import directory
from libs.identity.user_tokens import UserTokenVerifier
from libs.rpc.asgi import Application, Receive, Scope, Send
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.multiplexer import Multiplexer
from libs.service.asgi import lifespan, platform_paths
from libs.service.identity import signer

#: Threads for the gateway's own pages; requests to services need none.
PAGE_THREADS = 2


class Current:
    """Holds the gateway of this process, for the pages that tell of it."""

    gateway: "Gateway | None" = None


def make_application() -> Application:
    """Make the ASGI application, with the platform's paths. Nothing is asked before its lifespan starts."""
    gateway = Current.gateway = Gateway()

    def application(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return lifespan(receive, send, gateway.start, gateway.stop)
        return gateway.pipeline(scope, receive, send)

    return platform_paths(application, gateway.pipeline.take)


class Gateway:
    """The parts of one gateway process."""

    def __init__(self) -> None:
        """Make them from the settings and the installed directory."""
        self._client = Multiplexer(signer())
        self._table = RouteTable(directory())
        overrides = parse_overrides(settings.GATEWAY_SERVICES)
        self._policies = Policies(directory(), Policy(timeout=settings.GATEWAY_TIMEOUT), overrides)
        self.upstream = Upstream(directory(), self._client)
        self._gauges = Gauges(lambda: list(self.upstream.services.items()))
        self._pages = Dispatcher(get_wsgi_application(), PAGE_THREADS)
        revoked = Revoked()
        verifier = UserTokenVerifier(fetch_keys, issuer=settings.TOKEN_ISSUER, audience=settings.TOKEN_AUDIENCE)
        self._poller = RevocationPoller(revoked, verifier.refresh)
        self._limits = configured_limits()
        self.pipeline = Pipeline(
            table=self._table,
            authenticator=Authenticator(verifier, PersonalTokens(), revoked),
            policies=self._policies,
            upstream=self.upstream,
            pages=self._pages,
            cors=Cors(settings.CORS_ORIGINS, any_origin=settings.EMBEDDED and not settings.CORS_ORIGINS),
            heads=Heads(TrustedProxies(settings.TRUSTED_PROXIES), settings.INSTANCE),
            limits=self._limits,
        )

    async def start(self) -> None:
        """Take the first snapshot of the routes, and begin to ask for ended sessions."""
        await asyncio.to_thread(self._table.load)
        self._policies.load()
        self._gauges.start()
        await self._limits.start()
        await self._poller.start()

    async def stop(self) -> None:
        """End the asking, close channels and threads."""
        await self._poller.stop()
        await self._limits.close()
        self._gauges.stop()
        await self._client.close()
        await asyncio.to_thread(self._pages.close)
