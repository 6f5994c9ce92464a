"""Meshes of many workloads of few shapes: leaves that one calls, chains beside each other, and some that are not alike."""

from functools import cache

from tests.support.mesh import mesh

from sidestep.lab.cluster.intake import objects_of
from sidestep.model.mesh import SourceKind
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.rehearse.shapes.smaller import Whole
from sidestep.rehearse.shapes.twins import Shapes
from sidestep.semantics.index import MeshIndex
from sidestep.sources.prices import load_prices

SPACE = "shop"


def namespace(name=SPACE):
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"istio-injection": "enabled"}},
    }


def workload(name, *calls, space=SPACE, port="http", labels=None, replicas=1):
    """An account, a Deployment that calls others, and its Service."""
    meta = {"name": name, "namespace": space}
    own = {"app": name, **(labels or {})}
    env = [{"name": f"{called.upper().replace('-', '_')}_URL", "value": f"http://{called}:80"} for called in calls]
    container = {
        "name": name,
        "image": f"registry.example.com/{name}:1.0",
        "env": env,
        "ports": [{"containerPort": 8080}],
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": dict(meta)},
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": dict(meta),
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": own}, "spec": {"serviceAccountName": name, "containers": [container]}},
            },
        },
        {
            "apiVersion": "v1", "kind": "Service", "metadata": dict(meta),
            "spec": {"selector": {"app": name}, "ports": [{"name": port, "port": 80, "targetPort": 8080}]},
        },
    ]  # fmt: skip


def principal(name, space=SPACE):
    return f"cluster.local/ns/{space}/sa/{name}"


def policy(name, app, *rules, action="ALLOW", space=SPACE):
    spec = {"action": action, "selector": {"matchLabels": {"app": app}}, "rules": list(rules)}
    return {
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": space}, "spec": spec,
    }  # fmt: skip


def callers(*names):
    return {"from": [{"source": {"principals": [principal(each) for each in names]}}]}


def methods(*names):
    return {"to": [{"operation": {"methods": list(names)}}]}


def leaves(count, prefix="leaf"):
    return [f"{prefix}-{number:02}" for number in range(count)]


def alike(count=4, chains=2, guarded=2):
    """One that calls leaves, leaves that refuse DELETE, and chains of which each end is called by its own beginning."""
    plain, closed = leaves(count), leaves(guarded, "guarded")
    begins, ends = leaves(chains, "begin"), leaves(chains, "end")
    found = [namespace(), *workload("front", *plain, *closed, *begins)]
    for name in (*plain, *closed):
        found += workload(name)
    found += [policy(f"{name}-guard", name, methods("DELETE"), action="DENY") for name in closed]
    for begin, end in zip(begins, ends, strict=True):
        found += [*workload(begin, end), *workload(end), policy(f"{end}-callers", end, callers(begin))]
    return found


def whole(objects, kind=SourceKind.FILES):
    read = mesh(*objects, kind=kind)
    graph = inferred_calls(read)
    plan = make_plan(PlanRequest(read, load_prices(None), graph=graph))
    return Whole(read, objects_of(read), plan, graph)


def shapes(of):
    return Shapes(of.objects, MeshIndex.of(of.mesh), of.plan, of.graph)


def merged(of):
    """Whom each that stays stands for."""
    found = {}
    for merge in shapes(of).merges():
        for one, other in merge.pairs:
            found.setdefault(one.ref.name, []).append(other.ref.name)
    return {name: sorted(others) for name, others in found.items()}


@cache
def example():
    return whole(alike())
