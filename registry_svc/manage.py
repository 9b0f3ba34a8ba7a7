"""The commands of the Registry: `python registry_svc/manage.py help`."""

from libs.service.manage import main

if __name__ == "__main__":
    main("registry_svc.config.settings")
