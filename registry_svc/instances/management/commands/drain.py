"""`manage.py drain`: take an instance out of the choice."""

from registry_svc.instances.management.changing import ChangingCommand


class Command(ChangingCommand):
    help = "No new requests for an instance; it finishes what is in flight, until `resume`."
    state = "draining"
