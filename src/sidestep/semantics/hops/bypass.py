"""Waypoints that a request passes by though a label names them: said at the pods, because what they enforce is missed.

Source: istio-semantics.md §2.2, §3.8 (D17, D18, D19, D30, D51, D52, D54, D60).
"""

from sidestep.semantics.decisions import Bypass, Check, CheckKind, Proxy, Verdict
from sidestep.semantics.hops.traveller import Traveller
from sidestep.semantics.instances import Instances
from sidestep.semantics.service_index import Service
from sidestep.semantics.waypoints import Binding

_BY_CLIENT = {Proxy.SIDECAR_OUT: Bypass.SIDECAR, Proxy.GATEWAY: Bypass.GATEWAY}


def passed_by(traveller: Traveller, to: Instances, dialled: Service | None) -> Check | None:
    """The waypoint that is not asked, and why; None where none is named or the right one was asked.

    Args:
        traveller: on its way to pods.
        to: those pods.
        dialled: the Service that led to them; None where they were dialled by their own address.
    """
    if dialled is not None and traveller.asked == dialled.host:
        return None
    named = traveller.index.waypoint_of(dialled) if dialled is not None else None
    bound = named or traveller.index.waypoint_in_front_of(to)
    if bound is None:
        return None
    why = Bypass.ROUTED if traveller.asked else _by_client(traveller) or _by_address(dialled, named)
    told = f"{why} ({bound.state.value})" if why is Bypass.UNAVAILABLE else why.value
    reason = f"waypoint {bound.namespace}/{bound.name} is passed by: {told}"
    return Check(CheckKind.WAYPOINT, Verdict.ALLOW, reason=reason, bypass=why)


def _by_client(traveller: Traveller) -> Bypass | None:
    """Why this client asks no waypoint whatsoever; None for clients behind ztunnel, which do."""
    proxies = {hop.proxy for hop in traveller.hops}
    if Proxy.ZTUNNEL_OUT in proxies:
        return None
    told = next((why for proxy, why in _BY_CLIENT.items() if proxy in proxies), None)
    return told or (Bypass.PLAIN if traveller.sender.namespace else Bypass.OUTSIDE)


def _by_address(dialled: Service | None, named: Binding | None) -> Bypass:
    if dialled is None:
        return Bypass.POD
    return Bypass.OTHER_SERVICE if named is None else Bypass.UNAVAILABLE
