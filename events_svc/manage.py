"""The commands of the Events service: serve, worker, token, deliveries, replay, schemas, and Django's own."""

from libs.service.manage import main

if __name__ == "__main__":
    main("events_svc.config.settings")
