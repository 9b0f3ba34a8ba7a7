"""The gateway's command line."""

from libs.service.manage import main

if __name__ == "__main__":
    main("gateway_svc.config.settings")
