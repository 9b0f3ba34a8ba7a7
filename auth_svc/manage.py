"""The commands of the Auth service: serve, worker, token, rotate_keys, erase_accounts, and Django's own."""

from libs.service.manage import main

if __name__ == "__main__":
    main("auth_svc.config.settings")
