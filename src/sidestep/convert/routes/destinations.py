"""Where rules send, as references of the Gateway API: Services, hosts of ServiceEntries, a Service of a subset.

Source: istio-semantics.md §4.3, D53 (subsets), D58 (what does not exist).
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import Tree
from sidestep.convert.routes.header_edits import header_filters
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.convert.routes.served import Served
from sidestep.semantics.routing.hosts import full_name
from sidestep.semantics.service_index import Service
from sidestep.semantics.trees import MalformedError, mapping, mappings, text, whole

_KNOWN = frozenset({"host", "subset", "port"})
_MOST_REFERENCES = 16
_HEAVIEST = 1_000_000


class Place(Struct, frozen=True):
    """From where destinations are seen.

    Attributes:
        namespace: of the route that will name them.
        space: in which short names are resolved.
        domain: the cluster's.
        port: that was dialled.
        service: the service of a full name that the waypoint reaches.
        subset: namespace and name of the Service of a subset, or in the first place nothing and in the second why
            there is none.
        served: what may be written.
    """

    namespace: str
    space: str
    domain: str
    port: int
    service: Callable[[str], Service | None]
    subset: Callable[[Service, str], tuple[str, str]]
    served: Served


def reference(value: object, field: str, place: Place, ledger: Ledger) -> Tree | None:
    """One destination; None where there is no reference to it.

    Raises:
        MalformedError: a field has a wrong type.
    """
    tree = mapping(value, field)
    ledger.unknown_fields(tree, _KNOWN, field)
    written = text(tree.get("host"), f"{field}.host")
    service = place.service(full_name(written, place.space, place.domain).lower())
    if service is None:
        _tell_missing(field, f"{written} does not exist, or not for the waypoint", ledger)
        return None
    asked = whole(mapping(tree.get("port"), f"{field}.port").get("number"), f"{field}.port.number")
    number = asked or (service.ports[0].number if len(service.ports) == 1 else place.port)
    if service.port(number) is None:
        _tell_missing(field, f"{written} has no port {number}", ledger)
        return None
    subset = text(tree.get("subset"), f"{field}.subset")
    if not subset:
        return _to(service, number, place)
    namespace, name = place.subset(service, subset)
    if not namespace:
        _tell_missing(f"{field}.subset", name, ledger)
        return None
    return _to_service(namespace, name, number, place)


def _tell_missing(field: str, why: str, ledger: Ledger) -> None:
    ledger.keep(field, "sends requests there", f"{why}: a route would answer otherwise (D58)", AS_IT_IS)


def _to(service: Service, number: int, place: Place) -> Tree:
    if service.resource.kind == "Service":
        return _to_service(service.namespace, service.name, number, place)
    return {"group": "networking.istio.io", "kind": "Hostname", "name": service.host, "port": number}


def _to_service(namespace: str, name: str, number: int, place: Place) -> Tree:
    there = {} if namespace == place.namespace else {"namespace": namespace}
    return {"group": "", "kind": "Service", "name": name, **there, "port": number}


def references(value: object, field: str, place: Place, ledger: Ledger) -> tuple[list[Tree], str]:
    """Weighted destinations with their filters, and the authority that a single one sets.

    A single one gets everything whatever its weight; of several those with a weight.

    Raises:
        MalformedError: a field has a wrong type, or nothing has a weight.
    """
    listed = [each for each in mappings(value, field) if each]
    weights = [whole(each.get("weight"), f"{field}.weight") or 0 for each in listed]
    shared = [at for at, weight in enumerate(weights) if weight > 0] if len(listed) > 1 else list(range(len(listed)))
    if not shared:
        raise MalformedError(f"{field}: no destination with a weight")
    if len(shared) > _MOST_REFERENCES or max(weights) > _HEAVIEST:
        ledger.keep(field, "shares requests out", "a route holds 16 references of weights up to a million", AS_IT_IS)
    found, authorities = [], []
    for at in shared:
        ref, authority = _weighted(listed[at], f"{field}[{at}]", place, ledger)
        authorities.append(authority)
        if ref is not None:
            found.append({**ref, "weight": weights[at] if len(shared) > 1 else 1})
    if any(authorities) and len(shared) > 1:
        ledger.keep(f"{field}.headers", "sets the authority of a share", "a route sets one for all", AS_IT_IS)
    return found, authorities[0]


def _weighted(tree: Mapping[str, Any], field: str, place: Place, ledger: Ledger) -> tuple[Tree | None, str]:
    ledger.unknown_fields(tree, frozenset({"destination", "weight", "headers"}), field)
    told = header_filters(tree.get("headers"), f"{field}.headers", ledger)
    ref = reference(tree.get("destination"), f"{field}.destination", place, ledger)
    if ref is None:
        return None, told.authority
    return ({**ref, "filters": list(told.filters)} if told.filters else ref), told.authority
