"""What the lab was given and does otherwise than it is written, by object, so that nobody is left to find out."""

from collections.abc import Container, Iterable, Iterator
from typing import Any

from sidestep.controlplane.generators.http.keys import readable_keys
from sidestep.controlplane.generators.http.left_out import left_out
from sidestep.controlplane.generators.http.patches import remarks
from sidestep.controlplane.generators.http.upstreams import of_address
from sidestep.controlplane.registry.policies import read_peer_policy, read_policy, read_request_policy
from sidestep.lab.cluster.controllers.replica_sets import MOST_REPLICAS
from sidestep.lab.cluster.objects import Tree, meta_of, spec_of
from sidestep.model.kinds import (
    AUTHORIZATION_POLICY,
    DEPLOYMENT,
    ENVOY_FILTER,
    PEER_AUTHENTICATION,
    REPLICA_SET,
    REQUEST_AUTHENTICATION,
    STATEFUL_SET,
    TELEMETRY,
    VIRTUAL_SERVICE,
    Kind,
)
from sidestep.model.metadata import ObjectId
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.endpoint_slices import service_named, slice_of
from sidestep.semantics.envoy_filters import patches_of
from sidestep.semantics.loose import as_dict, as_dicts, labels_of
from sidestep.semantics.routing.hosts import DOMAIN
from sidestep.semantics.routing.virtual_service_http import Reading, http_entries
from sidestep.semantics.versions import IstioVersion

SCALED = (DEPLOYMENT, REPLICA_SET, STATEFUL_SET)
ASKED = (
    AUTHORIZATION_POLICY, PEER_AUTHENTICATION, REQUEST_AUTHENTICATION, VIRTUAL_SERVICE, ENVOY_FILTER,
    TELEMETRY, *SCALED,
)  # fmt: skip
"""Kinds of which something may be said."""
_PATCHED = ("Gateway", "GatewayClass")
"""To what EnvoyFilters may be attached."""
_SCALED = frozenset(kind.name for kind in SCALED)


def misgivings(objects: Iterable[Tree]) -> list[str]:
    """A sentence for each object that names it and the field.

    Args:
        objects: of any kinds.
    """
    return sorted(f"{_name(tree)}: {why}" for tree in objects for why in _of(tree))


def strays(slices: Iterable[Tree], taken: Container[str]) -> list[str]:
    """A sentence for each address that somebody wrote down and nobody in the lab has.

    Args:
        slices: all EndpointSlices.
        taken: addresses of pods and nodes.
    """
    written = (tree for tree in slices if service_named(labels_of(tree)))
    return [
        f"{_name(tree)}: nobody in the lab has {address}: whoever is sent there is refused"
        for tree in written
        if (told := slice_of(tree)) is not None
        for endpoint in told.endpoints or ()
        for address in endpoint.addresses or ()
        if address not in taken
    ]


def shadowed(telemetries: Iterable[Tree]) -> list[str]:
    """A sentence for each Telemetry of a whole namespace beside an older one: that one alone counts.

    Args:
        telemetries: all of them.

    Source: pilot/pkg/model/telemetry.go (`namespaceWideTelemetryConfig`).
    """
    first: dict[str, Tree] = {}
    found = []
    for tree in sorted(telemetries, key=_age):
        spec = spec_of(tree)
        if spec.get("selector") or spec.get("targetRefs") or spec.get("targetRef"):
            continue
        older = first.setdefault(str(meta_of(tree).get("namespace")), tree)
        if older is not tree:
            found.append(
                f"{_name(tree)}: counts for nothing: {meta_of(older)['name']}, for all of the namespace, is older"
            )
    return found


def _age(tree: Tree) -> tuple[str, str]:
    return str(meta_of(tree).get("creationTimestamp", "")), str(meta_of(tree).get("name", ""))


def _of(tree: Tree) -> Iterator[str]:
    kind = tree.get("kind")
    if kind == AUTHORIZATION_POLICY.name:
        yield from _unread(read_policy(tree).invalid)
    elif kind == PEER_AUTHENTICATION.name:
        yield from _unread(read_peer_policy(tree).invalid)
    elif kind == REQUEST_AUTHENTICATION.name:
        yield from _of_tokens(read_request_policy(tree))
    elif kind == VIRTUAL_SERVICE.name:
        yield from dict.fromkeys(_of_routes(tree))
    elif kind == ENVOY_FILTER.name:
        patches = patches_of(_id(ENVOY_FILTER, tree), spec_of(tree))
        yield from (f"{each.field} is not carried out: {each.why}" for each in remarks(patches))
        kinds = [each.get("kind") for each in as_dicts(spec_of(tree).get("targetRefs"))]
        for other in dict.fromkeys(each for each in kinds if each not in _PATCHED):
            yield f"spec.targetRefs: {other} is not carried out: labels select, or Gateways of waypoints"
    elif kind == TELEMETRY.name:
        yield from (f"{field} is not carried out" for field in _of_telemetry(spec_of(tree)))
    elif kind in _SCALED:
        wanted = spec_of(tree).get("replicas")
        if isinstance(wanted, int) and wanted > MOST_REPLICAS:
            yield f"spec.replicas asks for {wanted:,} pods; the lab runs {MOST_REPLICAS:,} of one controller at most"


def _of_telemetry(spec: Tree) -> Iterator[str]:
    """Fields that have an effect in Istio and none here."""
    if spec.get("metrics"):
        yield "spec.metrics"
    for at, asked in enumerate(as_dicts(spec.get("tracing"))):
        if asked.get("disableContextPropagation") is True:
            yield f"spec.tracing[{at}].disableContextPropagation"
        if asked.get("useRequestIdForTraceSampling") is False:
            yield f"spec.tracing[{at}].useRequestIdForTraceSampling"
        for name, tag in as_dict(asked.get("customTags")).items():
            if "formatter" in as_dict(tag):
                yield f"spec.tracing[{at}].customTags[{name}].formatter"


def _of_tokens(policy: RequestPolicy) -> Iterator[str]:
    yield from _unread(policy.invalid)
    for rule in policy.rules:
        keys = rule.keys
        if keys.inline and not readable_keys(keys.inline):
            yield f"{rule.field}.jwks has no key that can be read: every token is refused"
        elif not keys.inline and of_address(keys.uri) is None:
            yield f"{rule.field}.jwksUri: expected an address such as https://issuer/keys: every token is refused"


def _of_routes(tree: Tree) -> Iterator[str]:
    own = _id(VIRTUAL_SERVICE, tree)
    reading = Reading(own, own.namespace, DOMAIN, IstioVersion())
    for at, rule in enumerate(as_dicts(spec_of(tree).get("http"))):
        if rule.get("delegate"):
            continue  # what it leaves to another object is read there
        for entry in http_entries(rule, f"http[{at}]", reading):
            yield from (f"{each.field}: {each.why}" for each in left_out(entry))


def _id(kind: Kind[Any], tree: Tree) -> ObjectId:
    meta = meta_of(tree)
    return ObjectId(str(tree.get("apiVersion")), kind.name, meta.get("namespace", "default"), str(meta.get("name")))


def _unread(why: str) -> Iterator[str]:
    if why:
        yield f"it cannot be read, and nobody enforces it: {why}"


def _name(tree: Tree) -> str:
    meta = meta_of(tree)
    return f"{tree.get('kind')} {meta.get('namespace', 'default')}/{meta.get('name')}"
