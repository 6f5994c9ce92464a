"""Where rules of a VirtualService send, by shares, as admission judges it."""

from sidestep.semantics.admission.fields import Found, host_refusals, label_refusals, port_refusals
from sidestep.semantics.loose import as_dict


def weight_refusals(route: object, at: str) -> Found:
    """Destinations with their shares."""
    listed = route if isinstance(route, list) else []
    total = 0
    for number, each in enumerate(listed):
        here = f"{at}[{number}]"
        destination, weight = as_dict(each).get("destination"), as_dict(each).get("weight")
        if destination is None:
            yield f"{here}.destination", "it must be there"
        yield from destination_refusals(destination, f"{here}.destination")
        if isinstance(weight, int):
            total += weight
            if weight < 0:
                yield f"{here}.weight", f"{weight} is negative"
    if len(listed) > 1 and not total:
        yield at, "all weights together are 0"


def destination_refusals(value: object, at: str) -> Found:
    """One destination."""
    if value is None:
        return
    destination = as_dict(value)
    if destination.get("host") == "*":
        yield f"{at}.host", "`*` is nobody"
    else:
        yield from host_refusals(destination.get("host"), f"{at}.host")
    if destination.get("subset"):
        yield from label_refusals(destination["subset"], f"{at}.subset")
    if destination.get("port") is not None:
        yield from port_refusals(as_dict(destination["port"]).get("number"), f"{at}.port.number")
