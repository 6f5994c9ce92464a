"""A whole cluster: nodes, system pods, the oddities, and namespaces of ordinary workloads."""

from collections.abc import Iterator

from tools.meshgen import objects as o
from tools.meshgen.cluster import Cluster
from tools.meshgen.config import CNI_START, REVISION, Config
from tools.meshgen.oddities import ODDITIES
from tools.meshgen.templates import app, gateway, meshed, ztunnel

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


def build(config: Config) -> Cluster:
    """The whole cluster."""
    cluster = Cluster(config)
    _nodes(cluster)
    _system(cluster)
    if config.oddities:
        for plant in ODDITIES.values():
            plant(cluster)
    _ordinary(cluster)
    _policies_of_workloads(cluster)
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
    big = 2 * cluster.config.pods // (cluster.config.services or 1200) + (0 if cluster.config.services else 4)
    count = min(cluster.random.randint(1, big), most)
    cluster.workload(kind, word, space, template, count, declared=plain, calico=cluster.random.random() < 0.15)
    cluster.add(o.service(word, space, headless=kind == "StatefulSet"))
    cluster.apps.append((word, space))
    if count > 3:
        cluster.add(o.disruption_budget(word, space, {"app": word}, 1))


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


def _policies_of_workloads(cluster: Cluster) -> None:
    """Spread over all workloads: by method and path, by caller, by port, and now and then a refusal."""
    for number in range(cluster.config.policies):
        word, space = cluster.apps[number * len(cluster.apps) // cluster.config.policies]
        caller = cluster.apps[(number * 31 + 7) % len(cluster.apps)][1]
        source: o.Object = {"from": [{"source": {"namespaces": [space, caller]}}]}
        to = {
            0: {"methods": ["GET", "POST"], "paths": [f"/{word}/*", "/health"]},
            1: {"ports": ["8080"]},
            2: {"notMethods": ["GET", "HEAD"], "paths": ["/admin/*"]},
        }.get(number % 5)
        rule = (
            {"to": [{"operation": to}]}
            if number % 5 == 2
            else {**source, **({"to": [{"operation": to}]} if to else {})}
        )
        spec = {"selector": {"matchLabels": {"app": word}}, "rules": [rule]}
        spec |= {"action": "DENY"} if number % 5 == 2 else {}
        cluster.add(o.istio("AuthorizationPolicy", f"{word}-{number}", space, spec))


def objects(cluster: Cluster) -> Iterator[tuple[str, list[str]]]:
    """All objects by kind, pods last, as JSON text."""
    yield from sorted(cluster.texts.items())
    yield "Pod", cluster.pods
