"""The Registry's HTTP door; its lifespan starts and stops everything else of the process."""

from registry_svc.instances.application import Application

application = Application()
