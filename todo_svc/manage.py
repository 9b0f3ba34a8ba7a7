"""The commands of the TODO service."""

from libs.service.manage import main

if __name__ == "__main__":
    main("todo_svc.config.settings")
