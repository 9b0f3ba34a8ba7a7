"""The commands of the Logger service: serve, token, logs, and Django's own."""

from libs.service.manage import main

if __name__ == "__main__":
    main("logger_svc.config.settings")
