"""The settings all services share.

A service's own `config/settings.py` takes all of this by a star import, names what is its own and ends with
`configure(globals())`.

Defaults are those of production; what is dangerous has none. What differs between machines comes from the environment
(`libs.service.env`), and docs/configuration.md lists it.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from uuid_utils.compat import uuid7

from libs.service import embedded, env
from libs.service.databases import SQLITE, database

VERSION = "0.1.0"
PLATFORM_APPS = ["libs.service", "rest_framework", "drf_spectacular"]

# -- filled in by `configure` ---------------------------------------------------------------------------------------
INSTANCE = ""
EMBEDDED = True  # whether the database is SQLite: one machine, one set of processes

# -- what a service names itself -----------------------------------------------------------------------------------
ASGI_APPLICATION = ""  # dotted path of its HTTP door
ROUTES: list[str] = []  # public route prefixes that its instances register
TRAFFIC: dict[str, Any] = {}  # what it gets at the gateway, where that is not the usual: libs.service.traffic
STREAMS = ""  # dotted path of the table {path: streaming route}, see libs.rpc.streams
REACTIONS = ""  # dotted path of the table {event type or pattern: function}
WORKER_QUEUES: list[str] = []  # queues its `worker` consumes; empty: it has no worker
WORKER_PREFETCH = 1  # tasks that its worker holds at once; more where they are short, so that none waits for the broker
SERVE_PARTS: list[str] = []  # dotted paths of Part classes that `serve` runs
WORKER_PARTS: list[str] = []  # the same for `worker`
BRIDGE = True  # whether `serve` opens the gRPC bridge
REGISTERS = True  # whether `serve` registers the instance (the Registry writes its own row)
LOG_SINK = ""  # dotted path of a telemetry sink; empty: ship to the Logger service
EVENTBUS_TRANSPORT = "celery"

# -- where things are ----------------------------------------------------------------------------------------------
HOME = env.path(
    "MT_HOME", Path(__file__).resolve().parents[2] / "var", help="Folder of all data, logs and spill files."
)
KEYS_DIR = env.path("MT_KEYS_DIR", HOME / "keys", help="Folder of keys, the service bundle and passwords.")
DATABASE_URL = env.secret(
    "MT_DATABASE_URL",
    help="Database of this service: postgresql://user:password@host:port/name; empty: SQLite in MT_HOME/db.",
)
BROKER_URL = env.secret(
    "MT_BROKER_URL",
    help="Celery broker: redis://, redis+socket://, sentinel:// or amqp://, no Redis Cluster; "
    "empty: the embedded one, where it runs in MT_HOME.",
) or (embedded.broker_url(HOME) if embedded.is_there(HOME) else "")
REDIS_URL = env.secret(
    "MT_REDIS_URL",
    help="Redis or Valkey for rate limits and the dashboard's channel layer: redis:// or unix://; "
    "empty: the embedded one, where it runs in MT_HOME.",
) or (embedded.redis_url(HOME) if embedded.is_there(HOME) else "")

# -- addresses -----------------------------------------------------------------------------------------------------
HOST = env.text("MT_HOST", "127.0.0.1", help="Address to listen on.")
ADVERTISE_HOST = env.text("MT_ADVERTISE_HOST", "", help="Address told to the Registry; empty: MT_HOST.")
HTTP_PORT = env.integer("MT_HTTP_PORT", 0, maximum=65535, help="HTTP port; 0: the service's default, or a free one.")
GRPC_PORT = env.integer("MT_GRPC_PORT", 0, maximum=65535, help="gRPC port; 0: the service's default, or a free one.")
PUBLIC_ADDRESS = env.text(
    "MT_PUBLIC_ADDRESS", "", help="Address that clients of a public service use, such as https://api.example.org."
)
_registry_grpc_port = env.integer(
    "MT_REGISTRY_GRPC_PORT", 8091, minimum=1, maximum=65535, help="The Registry's gRPC port, as `make up` reads it."
)
_registry_port = env.integer(
    "MT_REGISTRY_PORT", 8081, minimum=1, maximum=65535, help="The Registry's HTTP port, as `make up` reads it."
)
REGISTRY_ADDRESSES = env.names(
    "MT_REGISTRY_ADDRESSES",
    [f"127.0.0.1:{_registry_grpc_port}"],
    help="gRPC addresses of the registries, host:port; empty: MT_REGISTRY_GRPC_PORT on this machine.",
)
REGISTRY_URLS = env.names(
    "MT_REGISTRY_URLS",
    [f"http://127.0.0.1:{_registry_port}"],
    help="HTTP addresses of the registries; empty: MT_REGISTRY_PORT on this machine.",
)

# -- this process --------------------------------------------------------------------------------------------------
INCARNATION = str(uuid7())
ZONE = env.text("MT_ZONE", "", help="Zone of this instance.")
WEIGHT = env.integer("MT_WEIGHT", 100, maximum=1000, help="Share of this instance in weighted strategies, 0 to 1000.")
SLOW_START_SECONDS = env.number(
    "MT_SLOW_START_SECONDS", 10.0, help="Time in which a new instance comes to its full share of requests; 0: at once."
)
HANDLER_THREADS = env.integer(
    "MT_HANDLER_THREADS", 0, maximum=32, help="Threads that run views, per process; 0: 2 with SQLite, else 4."
)
HANDLER_QUEUE = env.integer(
    "MT_HANDLER_QUEUE", 200, minimum=1, help="Requests that may wait for such a thread; more are refused at once."
)
DRAIN_SECONDS = env.number("MT_DRAIN_SECONDS", 1.0, help="Time that a drain gets to reach all callers.")
SHUTDOWN_SECONDS = env.number("MT_SHUTDOWN_SECONDS", 15.0, help="Time that requests in flight get at a stop.")
SUPERVISED = env.boolean(
    "MT_SUPERVISED", default=False, help="Stop when standard input closes; set by `make up` for its children."
)
LOG_LEVEL = env.choice("MT_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"), help="What is logged at least.")
LOG_FILE = env.text(
    "MT_LOG_FILE", help="File that takes the output, rotated at 10 MiB; set by `make up`; empty: standard output."
)
METRICS_TOKEN = env.secret("MT_METRICS_TOKEN", help="Bearer token of /metrics; without it /metrics answers 404.")
REQUIRE_IF_MATCH = env.boolean(
    "MT_REQUIRE_IF_MATCH", default=False, help="Demand If-Match on changes of versioned objects (428 without)."
)

# -- Django --------------------------------------------------------------------------------------------------------
ALLOWED_HOSTS = ["*"]  # internal services never see a browser; admin sets its own
APPEND_SLASH = False
AUTO_RUN_CHECKS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING_CONFIG = None  # libs.telemetry configures logging
MIDDLEWARE: list[str] = []
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["libs.webapi.authentication.CallAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["libs.webapi.access.Declared"],
    "DEFAULT_PARSER_CLASSES": ["libs.webapi.parsers.JSONParser", "libs.webapi.parsers.MergePatchParser"],
    "DEFAULT_RENDERER_CLASSES": ["libs.webapi.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "libs.webapi.openapi.Schema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "libs.webapi.renderers.IgnoreAccept",
    "EXCEPTION_HANDLER": "libs.webapi.problem.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "OAS_VERSION": "3.1.0",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "PREPROCESSING_HOOKS": ["libs.webapi.openapi.only_public"],
    "POSTPROCESSING_HOOKS": ["libs.webapi.openapi.with_problems"],
}


def configure(settings: dict[str, Any]) -> None:
    """Fill in what follows from the service's name: its instance id, database, secret and log folder."""
    service = settings["SERVICE"]
    settings["INSTANCE"] = env.text("MT_INSTANCE", f"{service}-1", help="Id of this instance, stable per slot.")
    settings["ADVERTISE_HOST"] = settings["ADVERTISE_HOST"] or settings["HOST"]
    settings["SECRET_KEY"] = _secret_key(service, settings["KEYS_DIR"])
    settings.setdefault(
        "DATABASES", {"default": database(settings["DATABASE_URL"], settings["HOME"] / "db" / f"{service}.sqlite3")}
    )
    settings["EMBEDDED"] = settings["DATABASES"]["default"]["ENGINE"] == SQLITE
    # SQLite has one writer at a time: more threads only wait for each other, and for the interpreter's lock.
    settings["HANDLER_THREADS"] = settings["HANDLER_THREADS"] or (2 if settings["EMBEDDED"] else 4)
    if not settings["EMBEDDED"] and find_spec("psycopg") is None:
        raise env.ConfigurationError("MT_DATABASE_URL: PostgreSQL needs psycopg: install the extra `distributed`")
    settings["SPECTACULAR_SETTINGS"] = {**settings["SPECTACULAR_SETTINGS"], "TITLE": f"Micro TODO: {service}"}


def _secret_key(service: str, keys: Path) -> str:
    """Give the secret of this service: from the environment, else from its file; empty fails Django's own start."""
    given = env.secret("MT_SECRET_KEY", help="Secret of this service, at least 50 characters; or <service>.secret.")
    file = keys / f"{service}.secret"
    return given or (file.read_text().strip() if file.is_file() else "")
