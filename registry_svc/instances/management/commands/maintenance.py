"""`manage.py maintenance`: let an instance rest."""

from registry_svc.instances.management.changing import ChangingCommand


class Command(ChangingCommand):
    help = "No requests for an instance until `resume`."
    state = "maintenance"
