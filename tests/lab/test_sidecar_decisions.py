"""Decisions against packets where sidecars, ambient pods and pods without a mesh meet: policies by chance, all who ask all."""

import json
from itertools import product
from random import Random

import pytest
from tests.support.labs import AMBIENT, lab, namespace, workload

from sidestep.lab.api import messages as api
from sidestep.model import kinds
from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.model.origin import ClusterOrigin
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Shape, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Http, Request, WorkloadClient
from sidestep.semantics.versions import given_version
from sidestep.sources.objects.builder import MeshBuilder

pytestmark = pytest.mark.real

ROUNDS, SEED = 6, 20261121
APPS = (("shop", "web"), ("shop", "cart"), ("fleet", "ship"), ("plain", "job"))
READ = (
    kinds.NAMESPACE, kinds.NODE, kinds.POD, kinds.SERVICE, kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.AUTHORIZATION_POLICY,
    kinds.PEER_AUTHENTICATION,
)  # fmt: skip
PATHS, METHODS = ("/", "/a"), ("GET", "POST")


def security(kind, name, space, spec):
    meta = {"name": name, "namespace": space}
    return {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


def anew(space):
    """Each request has a connection of its own: what is open is not judged by policies that come later."""
    pool = {"http": {"maxRequestsPerConnection": 1}}
    spec = {"host": f"*.{space}.svc.cluster.local", "trafficPolicy": {"connectionPool": pool}}
    meta = {"name": "anew", "namespace": space}
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": meta, "spec": spec}


def rule(dice, space):
    made = {}
    if dice.random() < 0.7:
        principals = [f"cluster.local/ns/{each}/sa/{name}" for each, name in dice.sample(APPS, 2)]
        made["from"] = [{"source": dice.choice([{"principals": principals}, {"namespaces": [dice.choice(APPS)[0]]}])}]
    if space == "shop" and dice.random() < 0.7:
        made["to"] = [{"operation": dice.choice([{"paths": ["/a*"]}, {"methods": ["GET"]}, {"notMethods": ["POST"]}])}]
    return made


def policies(dice):
    """Of each namespace with a proxy some; at ambient pods nothing of layer 7, which is another matter (D05, D06)."""
    found = []
    for space, name in APPS[:3]:
        if dice.random() < 0.6:
            rules = [rule(dice, space) for _ in range(dice.randint(1, 2))]
            spec = {
                "selector": {"matchLabels": {"app": name}},
                "action": dice.choice(["ALLOW", "ALLOW", "DENY"]),
                "rules": rules,
            }
            found.append(security("AuthorizationPolicy", name, space, spec))
        if dice.random() < 0.6:
            mode = dice.choice(["STRICT", "PERMISSIVE", "DISABLE"])
            ports = {"8080": {"mode": dice.choice(["STRICT", "PERMISSIVE"])}} if dice.random() < 0.3 else {}
            spec = {"selector": {"matchLabels": {"app": name}}, "mtls": {"mode": mode}, "portLevelMtls": ports}
            found.append(security("PeerAuthentication", name, space, spec))
    return found


def index_of(made):
    builder = MeshBuilder()
    for kind in READ:
        for tree in made.client.ask(api.List(kind.key)):
            builder.add(json.dumps(tree).encode(), ClusterOrigin("lab"))
    return MeshIndex.of(builder.build(SourceInfo(SourceKind.CLUSTER, "lab")), given_version("1.30"))


@pytest.fixture(scope="module")
def mixed():
    spaces = (namespace("shop", **{"istio-injection": "enabled"}), namespace("fleet", **AMBIENT), namespace("plain"))
    rules = [anew(space) for space in ("shop", "fleet", "plain")]
    with lab(*spaces, *rules, *(each for space, name in APPS for each in workload(name, space))) as made:
        yield made


def test_what_is_decided_is_what_happens(mixed):
    compared, refused = 0, 0
    for number in range(ROUNDS):
        dice = Random(f"{SEED}/{number}")  # noqa: S311
        held = policies(dice)
        mixed.apply(*held) if held else None
        mixed.settle()
        index = index_of(mixed)
        for (space, name), (other, server) in product(APPS, APPS):
            path, method = dice.choice(PATHS), dice.choice(METHODS)
            client = WorkloadClient(WorkloadRef(space, "Deployment", name))
            told = decide(index, Request(client, f"{server}.{other}", 80, Http(method, path)))
            (outcome,) = mixed.call(f"{space}/{name}", f"http://{server}.{other}{path}", method=method)
            if told.verdict is Verdict.UNKNOWN:
                continue
            where = (number, space, name, other, server, method, path, told.verdict, outcome.kind)
            assert outcome.ok is (told.verdict is Verdict.ALLOW), where
            if told.shape is Shape.FORBIDDEN:
                assert outcome.kind == "http-403", where
            compared, refused = compared + 1, refused + (not outcome.ok)
        if held:
            mixed.client.ask(api.Delete(held))
    assert compared > 60
    assert refused > 10
