"""The commands of the Events service: serve, worker, token, those of `deliveries`, and Django's own."""

from libs.service.manage import main

if __name__ == "__main__":
    main("events_svc.config.settings")
