"""The device behind a request."""

from auth_svc.accounts.services.devices import Device
from libs.webapi.views import View


def device_of(view: View) -> Device:
    """Tell the network address and the user agent of the client."""
    return Device.of(view.call.client_ip, view.request.headers.get("User-Agent", ""))
