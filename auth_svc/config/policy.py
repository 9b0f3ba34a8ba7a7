"""What an operator may decide about tokens, sign-in and mail."""

from libs.service import env

TOKEN_ISSUER = env.text("MT_TOKEN_ISSUER", "micro-todo", help="`iss` of access tokens; the gateway demands the same.")
TOKEN_AUDIENCE = env.text("MT_TOKEN_AUDIENCE", "micro-todo", help="`aud` of access tokens; the gateway demands it too.")
ACCESS_TOKEN_SECONDS = env.integer(
    "MT_ACCESS_TOKEN_SECONDS", 600, minimum=1, maximum=600, help="Life of an access token, at most 600 seconds."
)
REFRESH_TOKEN_DAYS = env.integer(
    "MT_REFRESH_TOKEN_DAYS", 30, minimum=1, help="A session that is not used for so many days ends."
)
SESSION_DAYS = env.integer("MT_SESSION_DAYS", 90, minimum=1, help="Every session ends after so many days.")
LOGIN_ATTEMPTS = env.integer(
    "MT_LOGIN_ATTEMPTS", 10, minimum=1, help="Wrong passwords that one network may try for one account in a window."
)
LOGIN_WINDOW_SECONDS = env.integer("MT_LOGIN_WINDOW_SECONDS", 300, minimum=1, help="Length of that window.")
ERASE_AFTER_DAYS = env.number(
    "MT_ERASE_AFTER_DAYS", 14.0, help="Days in which a user can take back the deletion of the account."
)
SWEEP_SECONDS = env.number(
    "MT_SWEEP_SECONDS", 60.0, minimum=0.1, help="Pause between two sweeps for accounts to erase and expired rows."
)
SMTP_URL = env.secret(
    "MT_SMTP_URL", help="smtp://user:password@host:587 (STARTTLS), smtps://… or smtp+plain://…; empty: MT_HOME/mail."
)
DEFAULT_FROM_EMAIL = env.text("MT_MAIL_FROM", "Micro TODO <no-reply@localhost>", help="Sender of mails.")
