"""`manage.py resume`: let an instance have requests again."""

from registry_svc.instances.management.changing import ChangingCommand


class Command(ChangingCommand):
    help = "End an instance's draining or maintenance."
    state = "up"
