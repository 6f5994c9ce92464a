"""A Service for each subset that a route names: the pods of the subset, under a name of their own (D53)."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, count
from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import ORIGIN, RULE
from sidestep.convert.routes.survey import Survey
from sidestep.model.kinds import SERVICE, VIRTUAL_SERVICE
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.routing.hosts import full_name
from sidestep.semantics.service_index import Service
from sidestep.semantics.trees import MalformedError

CODE = "SID333"
_LONGEST = 63
_KEPT = "subset services"


class SubsetService(Struct, frozen=True):
    """The Service of a subset.

    Attributes:
        namespace: of the parent.
        name: of its own.
        parent: the service whose subset it is.
        subset: its name there.
        selector: the parent's and the subset's labels.
        rule: the DestinationRule that defines it.
        given: it stands already, made by somebody else.
        why: why there can be none; empty where there is one.
    """

    namespace: str
    name: str
    parent: Service
    subset: str
    selector: Labels = {}
    rule: ObjectId | None = None
    given: bool = False
    why: str = ""


def subset_service(found: Survey, service: Service, subset: str) -> tuple[str, str]:
    """Namespace and name of a subset's Service; nothing and the reason where there is none."""
    made = subset_services(found).get((service.host, subset))
    if made is None or made.why:
        return "", made.why if made else f"no route of the mesh names subset {subset}"
    return made.namespace, made.name


def subset_services(found: Survey) -> Mapping[tuple[str, str], SubsetService]:
    """Those of all subsets that any VirtualService names, by host and subset."""
    if _KEPT not in found.kept:
        found.kept[_KEPT] = dict(_all(found))
    known: Mapping[tuple[str, str], SubsetService] = found.kept[_KEPT]
    return known


def _all(found: Survey) -> Iterator[tuple[tuple[str, str], SubsetService]]:
    taken: dict[tuple[str, str], tuple[str, str]] = {}
    for host, subset in sorted(set(_named(found))):
        service = found.index.services.by_host.get(host)
        if service is not None:
            yield (host, subset), _made(found, service, subset, taken)


def _named(found: Survey) -> Iterator[tuple[str, str]]:
    """Every host and subset that a VirtualService sends to."""
    for resource in found.mesh.of(VIRTUAL_SERVICE):
        for tree in _destinations(resource.view.spec or {}):
            subset = as_text(tree.get("subset"))
            if subset:
                name = full_name(as_text(tree.get("host")), resource.meta.namespace, found.defaults.domain)
                yield name.lower(), subset


def _destinations(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in ("http", "tcp", "tls"):
        for rule in as_dicts(spec.get(part)):
            yield as_dict(rule.get("mirror"))
            for each in (*as_dicts(rule.get("route")), *as_dicts(rule.get("mirrors"))):
                yield as_dict(each.get("destination"))


def _made(found: Survey, service: Service, subset: str, taken: dict[tuple[str, str], tuple[str, str]]) -> SubsetService:
    base = SubsetService(service.namespace, "", service, subset)
    try:
        rule = found.rule_for(service)
    except MalformedError as error:
        return _none(base, str(error))
    if rule is None or subset not in rule.subsets:
        return _none(base, f"no DestinationRule that clients hear defines subset {subset}")
    if service.resource.kind != "Service" or not service.selector or service.headless:
        return _none(base, f"{service.host} selects no pods under an address of its own")
    defined = rule.subsets[subset]
    clash = {key: value for key, value in defined.labels.items() if service.selector.get(key, value) != value}
    if clash:
        return _none(base, f"its labels contradict the selector of {service.host}")
    selector = {**service.selector, **defined.labels}
    name, given = _name(found, service, subset, selector, taken)
    taken[service.namespace, name] = (service.host, subset)
    return SubsetService(service.namespace, name, service, subset, selector, defined.object, given)


def _none(base: SubsetService, why: str) -> SubsetService:
    return SubsetService(base.namespace, "", base.parent, base.subset, why=why)


def _name(
    found: Survey, service: Service, subset: str, selector: Labels, taken: dict[tuple[str, str], tuple[str, str]]
) -> tuple[str, bool]:
    """A name that nobody else has, and whether a Service of that name and meaning stands already."""
    stem = re.sub(r"[^a-z0-9-]+", "-", f"{service.name}-{subset}".lower()).strip("-")[:_LONGEST].rstrip("-")
    tails = chain(("", "-subset"), (f"-subset-{number}" for number in count(2)))
    names = (f"{stem[: _LONGEST - len(tail)]}{tail}" for tail in tails)
    free = ((name, _given(found, service, name, selector)) for name in names if (service.namespace, name) not in taken)
    return next((name, given) for name, given in free if given is not None)


def _given(found: Survey, service: Service, name: str, selector: Labels) -> bool | None:
    """Whether a Service of a name stands already that means the subset; None for one that means something else."""
    standing = found.index.mesh.find(SERVICE, service.namespace, name)
    if standing is None or is_of_subset(standing):
        return False
    other = found.index.services.by_host.get(f"{name}.{service.namespace}.svc.{found.defaults.domain}")
    alike = other is not None and other.selector == selector and set(service.ports) <= set(other.ports)
    return True if alike else None


def is_of_subset(resource: Resource[Any]) -> bool:
    """Whether a Service was made for a subset."""
    annotations = resource.meta.annotations
    return annotations.get(RULE) == CODE and annotations.get(ORIGIN, "").startswith("DestinationRule ")
