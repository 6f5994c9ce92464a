"""A whole cluster: nodes, system pods, namespaces of ordinary workloads, and the oddities."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tools.meshgen import objects as o
from tools.meshgen.config import CNI_START, ISTIO_IMAGE, OLD_ISTIO_IMAGE, OLD_REVISION, REVISION, Config
from tools.meshgen.pods import PodText
from tools.meshgen.proxies import REQUESTS, Sidecar, inject, proxy_container

_TYPES = (
    ("m6i.2xlarge", (8, 32), "general"),
    ("m6i.2xlarge", (8, 32), "general"),
    ("c6i.2xlarge", (8, 16), "compute"),
    ("r6i.2xlarge", (8, 64), "memory"),
)
_WORDS = [
    "cart",
    "catalog",
    "checkout",
    "payment",
    "ledger",
    "search",
    "profile",
    "orders",
    "shipping",
    "pricing",
    "auth",
    "billing",
    "reports",
    "audit",
    "mail",
    "feed",
    "media",
    "graph",
    "notify",
    "stock",
    "tax",
    "fraud",
    "quote",
    "rating",
    "review",
    "promo",
    "basket",
    "wallet",
    "invoice",
    "export",
    "import",
    "geo",
    "session",
]
_SIZES = ((50, 96), (100, 256), (150, 384), (250, 512))


class Cluster:
    """Collects objects by kind (as JSON text) and remembers what is free on each node."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.random = random.Random(config.seed)
        self.texts: dict[str, list[str]] = defaultdict(list)
        self.pods: list[str] = []
        self.nodes: list[str] = []
        self._next_node = 0
        self._number = 0

    def add(self, *things: o.Object) -> None:
        for thing in things:
            self.texts[thing["kind"]].append(json.dumps(thing, separators=(",", ":")))

    def run(self, text: PodText, prefix: str, count: int, *, ordinal: bool = False) -> None:
        """Start replicas, spread over the nodes."""
        for index in range(count):
            self._number += 1
            name = f"{prefix}-{index}" if ordinal else f"{prefix}-{self._number:05x}"
            self.pods.append(text.fill(name, self.take_node(), self._number))

    def run_everywhere(self, text: PodText, prefix: str) -> None:
        """Start one pod on every node."""
        for node in self.nodes:
            self._number += 1
            self.pods.append(text.fill(f"{prefix}-{self._number:05x}", node, self._number))

    def take_node(self) -> str:
        """The next node; every sixth is left half empty, as real clusters are."""
        self._next_node += 1
        if self._next_node % 6 == 0 and self.random.random() < 0.5:
            self._next_node += 1
        return self.nodes[self._next_node % len(self.nodes)]

    def workload(self, kind: str, name: str, space: str, template: o.Object, count: int, **pod: Any) -> None:
        """A controller, what stands between, and its pods; `template` is what was injected, if it was."""
        plain = pod.pop("declared", template)
        text_of = lambda owners: PodText(template, space, owners, **pod)  # noqa: E731 - one use, in three branches
        if kind in ("Deployment", "Rollout"):
            middle = f"{name}-{self.random.getrandbits(36):09x}"
            hashed = dict(template["metadata"]["labels"], **{"pod-template-hash": middle.rpartition("-")[2]})
            template = {**template, "metadata": {**template["metadata"], "labels": hashed}}
            self.add(o.controller(kind, name, space, plain, count))
            self.add(o.replica_set(middle, space, name, kind, count), o.replica_set(f"{name}-0", space, name, kind, 0))
            self.run(text_of(o.owner("ReplicaSet", middle)), middle, count)
        elif kind == "StatefulSet":
            self.add(o.controller(kind, name, space, plain, count))
            pod["own_labels"] = True
            self.run(text_of(o.owner(kind, name)), name, count, ordinal=True)
        elif kind == "DaemonSet":
            self.add(o.controller(kind, name, space, plain, None))
            self.run_everywhere(text_of(o.owner(kind, name)), name)
        elif kind == "CronJob":
            self._cron_job(name, space, template, plain, count, pod)
        else:
            self.run(text_of([]), name, count)

    def _cron_job(self, name: str, space: str, template: o.Object, plain: o.Object, count: int, pod: o.Object) -> None:
        job = f"{name}-29123456"
        spec = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": plain}}}
        self.add(o.thing("batch/v1", "CronJob", o.meta(name, space), spec=spec))
        owners = o.owner("CronJob", name, "batch/v1")
        self.add(o.thing("batch/v1", "Job", o.meta(job, space, ownerReferences=owners), spec={"template": plain}))
        self.run(PodText(template, space, o.owner("Job", job, "batch/v1"), **pod), job, count)


def app(name: str, cpu: int = 100, memory: int = 256, **labels: str) -> o.Object:
    """A template of an ordinary application."""
    container = {
        "name": "app",
        "image": f"registry.example.com/{name}:1.4.2",
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "GREETING", "value": "hello"}],
        "resources": {"requests": {"cpu": f"{cpu}m", "memory": f"{memory}Mi"}},
    }
    metadata: o.Object = {"labels": {"app": name, **labels}, "annotations": {}}
    return {"metadata": metadata, "spec": {"containers": [container]}}


def build(config: Config) -> Cluster:
    """The whole cluster."""
    from tools.meshgen.oddities import ODDITIES  # noqa: PLC0415 - oddities build on this module

    cluster = Cluster(config)
    _nodes(cluster)
    _system(cluster)
    if config.oddities:
        for plant in ODDITIES.values():
            plant(cluster)
    _ordinary(cluster)
    return cluster


def _nodes(cluster: Cluster) -> None:
    for number in range(cluster.config.nodes):
        kind, size, group = _TYPES[number % len(_TYPES)]
        if number == cluster.config.nodes - 1 and cluster.config.oddities:
            kind = "x9z.weird"
        name = f"ip-10-{number >> 8}-{number & 255}-7.ec2.internal"
        cluster.nodes.append(name)
        cluster.add(o.node(name, kind, size, "abc"[number // len(_TYPES) % 3], group))


def _system(cluster: Cluster) -> None:
    cluster.add(*o.control_plane())
    for space in ("kube-system", "istio-system", "default"):
        cluster.add(o.labelled_namespace(space, {}))
    cluster.workload("DaemonSet", "kube-proxy", "kube-system", app("kube-proxy", 100, 64), 0)
    cni = app("istio-cni-node", 100, 100)
    cni["metadata"]["labels"]["k8s-app"] = "istio-cni-node"
    cni["spec"]["containers"][0] |= {"name": "install-cni", "image": "docker.io/istio/install-cni:1.29.2"}
    cni["spec"]["hostNetwork"] = True
    cluster.workload("DaemonSet", "istio-cni-node", "istio-system", cni, 0, started=CNI_START)
    cluster.workload("DaemonSet", "ztunnel", "istio-system", ztunnel(), 0, started=CNI_START)
    istiod = app("istiod", 500, 2048)
    istiod["spec"]["containers"][0] |= {"name": "discovery", "image": "docker.io/istio/pilot:1.29.2"}
    cluster.workload("Deployment", "istiod", "istio-system", istiod, 2)
    cluster.workload("Deployment", "istio-ingressgateway", "istio-system", gateway("istio-ingressgateway"), 3)


def ztunnel() -> o.Object:
    template = app("ztunnel", 200, 512)
    container = proxy_container(
        "ztunnel", "docker.io/istio/ztunnel:1.29.2", {"requests": {"cpu": "200m", "memory": "512Mi"}}
    )
    template["spec"]["containers"] = [container]
    return template


def gateway(name: str) -> o.Object:
    template = app(name)
    template["spec"]["containers"] = [proxy_container("router", ISTIO_IMAGE, REQUESTS)]
    template["metadata"]["labels"]["istio"] = "ingressgateway"
    return template


def waypoint(name: str) -> o.Object:
    template = app(name)
    template["spec"]["containers"] = [proxy_container("waypoint", ISTIO_IMAGE, REQUESTS)]
    template["metadata"]["labels"] |= {
        "gateway.networking.k8s.io/gateway-name": name,
        "gateway.istio.io/managed": "istio.io-mesh-controller",
        "istio.io/dataplane-mode": "none",
        "sidecar.istio.io/inject": "false",
    }
    return template


def _ordinary(cluster: Cluster) -> None:
    """Namespaces of workloads until there are enough pods: most injected, some ambient, some in no mesh."""
    kinds = ("Deployment",) * 14 + ("StatefulSet", "Rollout")
    number = 0
    budget = cluster.config.pods + len(cluster.pods)
    while len(cluster.pods) < budget:
        number += 1
        space = f"{_WORDS[number % len(_WORDS)]}-{number:03d}"
        style = cluster.random.choices(("tag", "default", "old", "ambient", "none"), (50, 24, 6, 12, 8))[0]
        cluster.add(o.labelled_namespace(space, _namespace_labels(style)))
        for word in cluster.random.sample(_WORDS, 8):
            if len(cluster.pods) < budget:
                _workload(cluster, cluster.random.choice(kinds), word, space, style, budget - len(cluster.pods))
        _policies(cluster, space, number)


def _namespace_labels(style: str) -> dict[str, str]:
    return {
        "tag": {"istio.io/rev": "prod"},
        "default": {"istio-injection": "enabled"},
        "old": {"istio.io/rev": REVISION},
        "ambient": {"istio.io/dataplane-mode": "ambient"},
        "none": {},
    }[style]


def _workload(cluster: Cluster, kind: str, word: str, space: str, style: str, most: int) -> None:
    cpu, memory = cluster.random.choice(_SIZES)
    plain = app(word, cpu, memory)
    template = meshed(plain, style, native=cluster.random.random() < 0.7)
    big = cluster.config.pods // 600 + 4
    count = min(cluster.random.randint(1, big), most)
    cluster.workload(kind, word, space, template, count, declared=plain, calico=cluster.random.random() < 0.15)
    cluster.add(o.service(word, space, headless=kind == "StatefulSet"))
    if count > 3:
        cluster.add(o.disruption_budget(word, space, {"app": word}, 1))


def meshed(plain: o.Object, style: str, *, native: bool = True) -> o.Object:
    """A template as its pods look in a namespace of some style."""
    if style in ("none", "ambient"):
        annotations = {**plain["metadata"]["annotations"], "ambient.istio.io/redirection": "enabled"}
        return plain if style == "none" else {**plain, "metadata": {**plain["metadata"], "annotations": annotations}}
    if style == "old":
        return inject(plain, Sidecar(native=False, revision=OLD_REVISION, image=OLD_ISTIO_IMAGE, hbone=False))
    return inject(plain, Sidecar(native=native, revision="default" if style == "default" else REVISION))


def _policies(cluster: Cluster, space: str, number: int) -> None:
    """Every third namespace uses layer 7, every fourth something at layer 4."""
    if number % 3 == 0:
        to = [{"operation": {"methods": ["GET", "POST"], "paths": ["/api/*"]}}]
        cluster.add(o.istio("AuthorizationPolicy", "api-only", space, {"rules": [{"to": to}]}))
        routes = [{"route": [{"destination": {"host": "cart", "subset": "v1"}, "weight": 100}]}]
        cluster.add(o.istio("VirtualService", "cart", space, {"hosts": ["cart"], "http": routes}))
        subsets = [{"name": "v1", "labels": {"version": "v1"}}]
        cluster.add(o.istio("DestinationRule", "cart", space, {"host": "cart", "subsets": subsets}))
    if number % 4 == 0:
        cluster.add(o.istio("PeerAuthentication", "strict", space, {"mtls": {"mode": "STRICT"}}))
        rules = [{"from": [{"source": {"namespaces": [space]}}]}]
        cluster.add(o.istio("AuthorizationPolicy", "same-namespace", space, {"rules": rules}))
    if number % 7 == 0:
        cluster.add(
            o.istio("RequestAuthentication", "jwt", space, {"jwtRules": [{"issuer": "https://id.example.com"}]})
        )
        cluster.add(o.istio("Telemetry", "tracing", space, {"tracing": [{"randomSamplingPercentage": 1}]}))
    if number % 11 == 0:
        cluster.add(o.istio("EnvoyFilter", "limit", space, {"configPatches": []}))
        cluster.add(o.istio("WasmPlugin", "headers", space, {"url": "oci://registry.example.com/headers:1"}))


def objects(cluster: Cluster) -> Iterator[tuple[str, list[str]]]:
    """All objects by kind, pods last, as JSON text."""
    yield from sorted(cluster.texts.items())
    yield "Pod", cluster.pods
