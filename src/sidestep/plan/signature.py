"""What a plan was made of, and that nobody edited it: asked before it is carried out.

Of the objects that a plan rests on, only what it reads is digested: a new image, another number of replicas or a status
makes no other plan.
"""

import hashlib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sidestep.model import kinds
from sidestep.model.kinds import CRON_JOB, DAEMON_SET, DEPLOYMENT, ROLLOUT, STATEFUL_SET, Kind
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.plan.document import Plan, Signature
from sidestep.plan.steps import Apply, Delete, Patch, SetLabels
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.mesh_config import configures

_CONTROLLERS: tuple[Kind[Any], ...] = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, CRON_JOB, ROLLOUT)
_INPUTS: tuple[Kind[Any], ...] = (
    kinds.NAMESPACE, kinds.SERVICE, kinds.CONFIG_MAP, *_CONTROLLERS, kinds.NETWORK_POLICY,
    kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.ISTIO_GATEWAY, kinds.SERVICE_ENTRY, kinds.SIDECAR,
    kinds.WORKLOAD_GROUP, kinds.PROXY_CONFIG, kinds.ENVOY_FILTER,
    kinds.AUTHORIZATION_POLICY, kinds.PEER_AUTHENTICATION, kinds.REQUEST_AUTHENTICATION,
    kinds.TELEMETRY, kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION,
    kinds.GATEWAY, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE, kinds.TLS_ROUTE, kinds.TCP_ROUTE, kinds.REFERENCE_GRANT,
)  # fmt: skip
_NOTES = ("istio.io", "sidestep.dev")
"""Annotations that count have one of these in their name."""
_SAID_ELSEWHERE = frozenset({"apiVersion", "kind", "metadata", "status"})
_LENGTH = 12
_MARK = b"\xef\xbb\xbf"
_encode = msgspec.json.Encoder(order="sorted").encode


class Change(StrEnum):
    """What became of an object since."""

    CAME = "came"
    WENT = "went"
    CHANGED = "changed"


class Changed(Struct, frozen=True):
    """An object that the plan rests on and does not know so.

    Attributes:
        object: its kind and name.
        change: what became of it.
    """

    object: str
    change: Change


def signed(plan: Plan, mesh: Mesh) -> Plan:
    """A plan with the signature of what it was made of."""
    cluster = mesh.source.cluster_id
    plan = replace(plan, signature=Signature(cluster, inputs(mesh) if cluster else {}))
    return replace(plan, signature=replace(plan.signature, digest=digest(msgspec.json.encode(plan))))


def digest(document: bytes) -> str:
    """Of what a plan does and of what it was made; its words may change.

    Args:
        document: the plan's, JSON. What it says counts, and not what this sidestep reads of it, so that one that knows
            more fields comes to the same digest.
    """
    tree = as_dict(msgspec.json.decode(document.removeprefix(_MARK)))
    signature = as_dict(tree.get("signature"))
    waves = [[wave.get(name) for name in ("number", "steps", "rollback")] for wave in as_dicts(tree.get("waves"))]
    said = (tree.get("steps"), waves, signature.get("cluster"), signature.get("inputs"))
    return hashlib.sha256(_encode(said)).hexdigest()


def inputs(mesh: Mesh) -> dict[str, str]:
    """Digests of the objects that a plan rests on, by kind and name."""
    return {name: said for name, (said, _) in rests_on(mesh).items()}


def rests_on(mesh: Mesh) -> dict[str, tuple[str, Resource[Any]]]:
    """The objects that a plan rests on, by kind and name, with digests; what a controller made follows from others."""
    return {
        _named(kind.api_version(), each.id): (_said(_counted(kind, each.tree())), each)
        for kind in _INPUTS
        for each in mesh.of(kind)
        if each.body and not each.meta.owner_references and configures(each)
    }


def _said(counted: object) -> str:
    return hashlib.sha256(_encode(counted)).hexdigest()[:_LENGTH]


def changed(plan: Plan, now: Mapping[str, str]) -> Iterator[Changed]:
    """Objects that are not as the plan knew them, but for those that it changes itself; none for a plan of manifests.

    Args:
        plan: that was made before.
        now: `inputs` as they are.
    """
    before = plan.signature.inputs
    if not before:
        return
    own = {
        _named(step.effect.object.api_version, step.effect.object)
        for step in plan.steps
        if isinstance(step.effect, SetLabels | Patch | Apply | Delete)
    }
    for name in sorted((before.keys() | now.keys()) - own):
        if name not in now:
            yield Changed(name, Change.WENT)
        elif name not in before:
            yield Changed(name, Change.CAME)
        elif now[name] != before[name]:
            yield Changed(name, Change.CHANGED)


def _named(api_version: str, named: ObjectId) -> str:
    """Whichever version of a kind somebody names."""
    group = api_version.rpartition("/")[0]
    return str(replace(named, kind=f"{named.kind}.{group}" if group else named.kind))


def _counted(kind: Kind[Any], tree: dict[str, Any]) -> Any:
    """What of an object a plan reads."""
    if kind in _CONTROLLERS:
        spec = as_dict(tree.get("spec"))
        return _noted(tree), _template(
            as_dict(as_dict(spec.get("jobTemplate")).get("spec")) if kind is CRON_JOB else spec
        )
    return _noted(tree), {key: value for key, value in tree.items() if key not in _SAID_ELSEWHERE}


def _noted(tree: Mapping[str, Any]) -> Any:
    """Labels, and annotations of the mesh."""
    metadata = as_dict(tree.get("metadata"))
    notes = as_dict(metadata.get("annotations"))
    return as_dict(metadata.get("labels")), {k: v for k, v in notes.items() if any(word in k for word in _NOTES)}


def _template(spec: Mapping[str, Any]) -> Any:
    """Of a controller: what its pods are called, run as and listen on; not what runs in them."""
    template = as_dict(spec.get("template"))
    pod = as_dict(template.get("spec"))
    ports = [each.get("ports") for each in as_dicts(pod.get("containers"))]
    return _noted(template), spec.get("selector"), pod.get("serviceAccountName"), pod.get("hostNetwork"), ports
