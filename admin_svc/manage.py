"""Management commands of the Admin service."""

from libs.service.manage import main

if __name__ == "__main__":
    main("admin_svc.config.settings")
