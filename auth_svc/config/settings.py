"""Settings of the Auth service: the platform's base, and what is its own."""

from auth_svc.config.mail import mail_settings
from auth_svc.config.policy import *
from libs.service.settings import *

SERVICE = "auth"
INSTALLED_APPS = [*PLATFORM_APPS, "libs.webapi", "libs.eventbus", "auth_svc.accounts"]
ROOT_URLCONF = "auth_svc.config.urls"
ASGI_APPLICATION = "auth_svc.config.asgi.application"
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["auth_svc.accounts.hashers.Argon2idHasher"]
ROUTES = ["/v1/auth", "/v1/users", "/.well-known/jwks.json"]
REACTIONS = "auth_svc.accounts.reactions.REACTIONS"
WORKER_QUEUES = ["auth.events"]
SERVE_PARTS = ["auth_svc.accounts.parts.Sweeper"]
WORKER_PARTS = ["auth_svc.accounts.parts.Mailer"]
globals().update(mail_settings(SMTP_URL, HOME / "mail"))
configure(globals())
