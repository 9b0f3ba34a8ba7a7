"""The platform's settings, and what a site for people needs beyond: sessions, templates, static files, sockets."""

from typing import Any
from urllib.parse import urlsplit

from admin_svc.config.theme import UNFOLD  # noqa: F401  (a setting)
from libs.service import env
from libs.service.settings import *  # noqa: F403  (settings are star imports, the platform's first)
from libs.service.settings import PUBLIC_ADDRESS, REDIS_URL

WEB_APPS = [
    "unfold.apps.BasicAppConfig",
    "admin_svc.dashboard.apps.AdminSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "channels",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "admin_svc.dashboard.middleware.StaticFiles",
    "admin_svc.dashboard.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# -- addresses and cookies -------------------------------------------------------------------------------------------
_public = urlsplit(PUBLIC_ADDRESS)
_secure = _public.scheme == "https"
ALLOWED_HOSTS = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    *([_public.hostname] if _public.hostname else []),
    *env.names("MT_ALLOWED_HOSTS", help="Host names under which the dashboard answers, beside the loopback's."),
]
APPEND_SLASH = True
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"] if _public.hostname else []
CSRF_COOKIE_NAME = "mt_admin_csrf"  # cookies know no ports: other Django sites on this host keep theirs
CSRF_COOKIE_SECURE = _secure
LOGIN_URL = "admin:login"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _secure else None
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_NAME = "mt_admin_session"
SESSION_COOKIE_SECURE = _secure

# -- static files come from the installed packages: no collecting, no CDN ---------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False

# -- live pages ------------------------------------------------------------------------------------------------------
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "mt-admin"},
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}
DASHBOARD_SOURCE = "admin_svc.dashboard.sources.platform.PlatformSource"
REFRESH_SECONDS = env.number(
    "MT_ADMIN_REFRESH_SECONDS", 5.0, minimum=1.0, help="How often a page without a socket refreshes itself."
)
JOURNAL_DAYS = env.integer("MT_ADMIN_JOURNAL_DAYS", 90, minimum=1, help="Days to keep state changes and the audit.")
