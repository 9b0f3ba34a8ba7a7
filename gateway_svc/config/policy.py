"""What the gateway demands of clients and grants them, from the environment."""

from libs.service import env

GATEWAY_TIMEOUT = env.number(
    "MT_GATEWAY_TIMEOUT", 15.0, minimum=0.1, help="Gateway: seconds that a service gets to answer, retry included."
)
GATEWAY_SERVICES = env.text(
    "MT_GATEWAY_SERVICES",
    help="Gateway: what services get in place of what they declare as TRAFFIC, as JSON: "
    '{"todo": {"timeout": 5, "max_body": 52428800, "max_in_flight": 100, "rate": "100/minute"}}.',
)
GATEWAY_RATE_USER = env.text(
    "MT_GATEWAY_RATE_USER",
    help='Gateway: requests of one user, as "1200/minute" (or per second, hour, day), or "off"; '
    "empty: 1200/minute, in embedded mode 600000/minute.",
)
GATEWAY_RATE_TOKEN = env.text(
    "MT_GATEWAY_RATE_TOKEN",
    help="Gateway: requests in one session, or with one personal token; empty: 600/minute, in embedded mode off.",
)
GATEWAY_RATE_ADDRESS = env.text(
    "MT_GATEWAY_RATE_ADDRESS",
    help="Gateway: requests without a token from one address (of IPv6: one /64); "
    "empty: 600/minute, in embedded mode 600000/minute.",
)
TRUSTED_PROXIES = env.names(
    "MT_GATEWAY_TRUSTED_PROXIES",
    help="Gateway: addresses and networks of the proxies in front, whose X-Forwarded-For is believed.",
)
CORS_ORIGINS = env.names(
    "MT_CORS_ORIGINS",
    help="Gateway: origins whose browser pages may call, or *; empty: any in embedded mode, else none.",
)
TOKEN_ISSUER = env.text("MT_TOKEN_ISSUER", "micro-todo", help="`iss` of access tokens; the gateway demands the same.")
TOKEN_AUDIENCE = env.text("MT_TOKEN_AUDIENCE", "micro-todo", help="`aud` of access tokens; the gateway demands it too.")
