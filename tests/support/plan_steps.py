"""A small language to state plans, and the mesh that most of them are tried on."""

from typing import Any

from tests.support.mesh import Sidecar, app, inject, labelled, mesh, o, workload

from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.document import Plan, Wave
from sidestep.plan.steps import Apply, Delete, Effect, Restart, SetLabels, Step
from sidestep.semantics.index import MeshIndex

MODE = "istio.io/dataplane-mode"
INJECT = "sidecar.istio.io/inject"
INJECTION = "istio-injection"
REDIRECTION = "ambient.istio.io/redirection"
AMBIENT = {MODE: "ambient"}
LEAVES = {MODE: "ambient", INJECT: "false"}
"""What takes the pods of a template from sidecars to ambient."""

SHOP = ObjectId("v1", "Namespace", "", "shop")
CART = WorkloadRef("shop", "Deployment", "cart")
PAY = WorkloadRef("shop", "Deployment", "pay")
PLAIN = WorkloadRef("shop", "Deployment", "plain")
POLICY = ObjectId("security.istio.io/v1", "AuthorizationPolicy", "shop", "cart")
WAYPOINT = ObjectId("gateway.networking.k8s.io/v1", "Gateway", "shop", "wp")


def controller(ref: WorkloadRef) -> ObjectId:
    return ObjectId("apps/v1", ref.kind, ref.namespace, ref.name)


def plan(*effects: Effect, wave: int = 1, rollback: bool = True) -> Plan:
    """One wave; it is taken back from its end, and pods are made anew when everything else is back."""
    steps = tuple(Step(f"w{wave:02}-{number:03}", wave, effect, "") for number, effect in enumerate(effects, 1))
    ids = tuple(step.id for step in steps)
    restarts = {step.id for step in steps if isinstance(step.effect, Restart)}
    back = (*(each for each in reversed(ids) if each not in restarts), *(each for each in ids if each in restarts))
    way_back = back if rollback else ()
    return Plan("test", "1.29", "0", "", waves=(Wave(wave, "", steps=ids, rollback=way_back),), steps=steps)


def labels(named: ObjectId, changes: dict[str, Any], before: dict[str, Any] | None = None, **how: bool) -> SetLabels:
    """Labels that were absent before unless told otherwise."""
    return SetLabels(named, changes, before if before is not None else dict.fromkeys(changes), **how)


def moved(ref: WorkloadRef, pods: int = 2) -> tuple[Effect, ...]:
    """A workload leaves its sidecars."""
    return labels(controller(ref), LEAVES, template=True), Restart(ref, pods, effect_only=True)


def applied(tree: dict[str, Any], before: dict[str, Any] | None = None) -> Apply:
    return Apply(_named(tree), tree, before)


def deleted(tree: dict[str, Any]) -> Delete:
    return Delete(_named(tree), tree)


def _named(tree: dict[str, Any]) -> ObjectId:
    metadata = tree["metadata"]
    return ObjectId(tree["apiVersion"], tree["kind"], metadata.get("namespace", ""), metadata["name"])


def policy(name: str = "cart", **spec: Any) -> dict[str, Any]:
    return o.istio("AuthorizationPolicy", name, "shop", {"selector": {"matchLabels": {"app": "cart"}}, **spec})


def shop(*more: dict[str, Any], namespace: dict[str, str] | None = None, sidecar: Sidecar | None = None, **how) -> Mesh:
    """Two workloads with sidecars, one that wants none, a policy and an object that nobody knows."""
    wanted = {INJECTION: "enabled"} if namespace is None else namespace
    with_sidecar = sidecar or Sidecar(revision="default")
    alone = app("plain", **{INJECT: "false"})
    widget = o.thing("factory.test/v1", "Widget", o.meta("gizmo", "shop"), spec={"teeth": [1, None, 2.5]})
    return mesh(
        labelled("shop", wanted),
        *o.control_plane(),
        *running(workload(inject(app("cart"), with_sidecar), "cart", declared=app("cart"))),
        *running(workload(inject(app("pay"), with_sidecar), "pay", declared=app("pay"), pods=3)),
        *running(workload(alone, "plain", pods=1)),
        policy(),
        widget,
        *more,
        **how,
    )


def running(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same objects with pods that are ready and have addresses."""
    for tree in objects:
        if tree["kind"] == "Pod":
            name = tree["metadata"]["name"]
            address = f"10.0.{sum(map(ord, name)) % 250}.{int(name.rpartition('-')[2]) + 1}"
            tree["status"] |= {"conditions": [{"type": "Ready", "status": "True"}], "podIP": address}
    return objects


def modes(found: Mesh) -> dict[str, list[tuple[str, int]]]:
    """How each workload's pods take part in the mesh, and how many do."""
    workloads = MeshIndex.of(found).workloads
    return {str(ref): [(each.mode_in_words, each.count) for each in group] for ref, group in workloads.items()}


def mode(found: Mesh, ref: WorkloadRef) -> list[tuple[str, int]]:
    return modes(found).get(str(ref), [])
