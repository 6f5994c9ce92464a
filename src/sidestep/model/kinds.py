"""The kinds a mesh is made of: what they are called in the API, and how far each is typed.

Adding a kind is adding a line here; sources, RBAC and snapshots follow the table.
"""

from typing import Any, Generic, TypeVar

from msgspec import Struct

from sidestep.model.views import apps, core

ViewT = TypeVar("ViewT")


class Kind(Struct, Generic[ViewT], frozen=True):
    """A kind of object.

    Attributes:
        group: API group, empty for core.
        name: e.g. `Deployment`.
        plural: the resource in URLs and RBAC rules.
        versions: served versions, preferred first; the first one that a cluster serves is listed.
        view: how it is typed.
        namespaced: whether objects live in a namespace.
        evidence: read only, so that its body is not kept.
        optional: many healthy clusters do not serve it, and its absence is no gap.
        listed: fetched from a cluster; the others are known only where a file holds them.
        former_groups: groups that served the kind before, still found in old manifests.
    """

    group: str
    name: str
    plural: str
    versions: tuple[str, ...]
    view: type[ViewT]
    namespaced: bool = True
    evidence: bool = False
    optional: bool = False
    listed: bool = True
    former_groups: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """`plural.group`, as RBAC and `kubectl` name it; just the plural in the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version: str = "") -> str:
        """`group/version`, for the preferred version unless told otherwise."""
        version = version or self.versions[0]
        return f"{self.group}/{version}" if self.group else version


def _istio(group: str, name: str, plural: str, *versions: str, optional: bool = False) -> Kind[core.Spec]:
    return Kind(f"{group}.istio.io", name, plural, versions, core.Spec, optional=optional)


def _gateway(
    name: str, plural: str, *versions: str, optional: bool = False, namespaced: bool = True
) -> Kind[core.Spec]:
    return Kind(
        "gateway.networking.k8s.io",
        name,
        plural,
        versions,
        core.Spec,
        optional=optional,
        namespaced=namespaced,
    )


POD = Kind("", "Pod", "pods", ("v1",), core.Untyped, evidence=True)
NODE = Kind("", "Node", "nodes", ("v1",), core.Node, namespaced=False, evidence=True)
NAMESPACE = Kind("", "Namespace", "namespaces", ("v1",), core.Untyped, namespaced=False)
SERVICE = Kind("", "Service", "services", ("v1",), core.Service)
SERVICE_ACCOUNT = Kind("", "ServiceAccount", "serviceaccounts", ("v1",), core.Untyped)
CONFIG_MAP = Kind("", "ConfigMap", "configmaps", ("v1",), core.ConfigMap)
ENDPOINT_SLICE = Kind("discovery.k8s.io", "EndpointSlice", "endpointslices", ("v1",), core.EndpointSlice, evidence=True)
ENDPOINTS = Kind("", "Endpoints", "endpoints", ("v1",), core.Endpoints, listed=False)

_BEFORE_APPS = ("extensions",)
DEPLOYMENT = Kind("apps", "Deployment", "deployments", ("v1",), apps.Controller, former_groups=_BEFORE_APPS)
STATEFUL_SET = Kind("apps", "StatefulSet", "statefulsets", ("v1",), apps.Controller)
DAEMON_SET = Kind("apps", "DaemonSet", "daemonsets", ("v1",), apps.Controller, former_groups=_BEFORE_APPS)
REPLICA_SET = Kind(
    "apps", "ReplicaSet", "replicasets", ("v1",), apps.Controller, evidence=True, former_groups=_BEFORE_APPS
)
REPLICATION_CONTROLLER = Kind(
    "", "ReplicationController", "replicationcontrollers", ("v1",), apps.Controller, listed=False
)
DEPLOYMENT_CONFIG = Kind(
    "apps.openshift.io",
    "DeploymentConfig",
    "deploymentconfigs",
    ("v1",),
    apps.Controller,
    listed=False,
    former_groups=("",),
)
JOB = Kind("batch", "Job", "jobs", ("v1",), apps.Controller)
CRON_JOB = Kind("batch", "CronJob", "cronjobs", ("v1",), apps.CronJob)
ROLLOUT = Kind("argoproj.io", "Rollout", "rollouts", ("v1alpha1",), apps.Controller, optional=True)
AUTOSCALER = Kind("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", ("v2", "v1"), apps.Autoscaler)
DISRUPTION_BUDGET = Kind("policy", "PodDisruptionBudget", "poddisruptionbudgets", ("v1",), apps.DisruptionBudget)
NETWORK_POLICY = Kind("networking.k8s.io", "NetworkPolicy", "networkpolicies", ("v1",), apps.NetworkPolicy)
WEBHOOK = Kind(
    "admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", ("v1",),
    apps.WebhookConfiguration, namespaced=False,
)  # fmt: skip

_NETWORKING = ("v1", "v1beta1", "v1alpha3")
VIRTUAL_SERVICE = _istio("networking", "VirtualService", "virtualservices", *_NETWORKING)
DESTINATION_RULE = _istio("networking", "DestinationRule", "destinationrules", *_NETWORKING)
ISTIO_GATEWAY = _istio("networking", "Gateway", "gateways", *_NETWORKING)
SERVICE_ENTRY = _istio("networking", "ServiceEntry", "serviceentries", *_NETWORKING)
SIDECAR = _istio("networking", "Sidecar", "sidecars", *_NETWORKING)
WORKLOAD_ENTRY = _istio("networking", "WorkloadEntry", "workloadentries", *_NETWORKING)
WORKLOAD_GROUP = _istio("networking", "WorkloadGroup", "workloadgroups", *_NETWORKING)
PROXY_CONFIG = _istio("networking", "ProxyConfig", "proxyconfigs", "v1beta1")
ENVOY_FILTER = _istio("networking", "EnvoyFilter", "envoyfilters", "v1alpha3")
AUTHORIZATION_POLICY = _istio("security", "AuthorizationPolicy", "authorizationpolicies", "v1", "v1beta1")
PEER_AUTHENTICATION = _istio("security", "PeerAuthentication", "peerauthentications", "v1", "v1beta1")
REQUEST_AUTHENTICATION = _istio("security", "RequestAuthentication", "requestauthentications", "v1", "v1beta1")
TELEMETRY = _istio("telemetry", "Telemetry", "telemetries", "v1", "v1alpha1")
WASM_PLUGIN = _istio("extensions", "WasmPlugin", "wasmplugins", "v1alpha1")
TRAFFIC_EXTENSION = _istio("extensions", "TrafficExtension", "trafficextensions", "v1alpha1", optional=True)

GATEWAY_CLASS = _gateway("GatewayClass", "gatewayclasses", "v1", "v1beta1", namespaced=False)
GATEWAY = _gateway("Gateway", "gateways", "v1", "v1beta1")
HTTP_ROUTE = _gateway("HTTPRoute", "httproutes", "v1", "v1beta1")
GRPC_ROUTE = _gateway("GRPCRoute", "grpcroutes", "v1", "v1alpha2")
TLS_ROUTE = _gateway("TLSRoute", "tlsroutes", "v1", "v1alpha3", "v1alpha2", optional=True)
TCP_ROUTE = _gateway("TCPRoute", "tcproutes", "v1", "v1alpha2", optional=True)
REFERENCE_GRANT = _gateway("ReferenceGrant", "referencegrants", "v1", "v1beta1")


def _not_judged(group: str, name: str, plural: str, *versions: str) -> Kind[core.Untyped]:
    """A kind that bears on requests and that no decision looks at: read to be named."""
    return Kind(group, name, plural, versions, core.Untyped, optional=True)


NOT_JUDGED: tuple[Kind[core.Untyped], ...] = (
    _not_judged("gateway.networking.k8s.io", "BackendTLSPolicy", "backendtlspolicies", "v1", "v1alpha3"),
    _not_judged("gateway.networking.k8s.io", "ListenerSet", "listenersets", "v1"),
    _not_judged("gateway.networking.x-k8s.io", "XListenerSet", "xlistenersets", "v1alpha1"),
    _not_judged("multicluster.x-k8s.io", "ServiceExport", "serviceexports", "v1beta1", "v1alpha1"),
    _not_judged("multicluster.x-k8s.io", "ServiceImport", "serviceimports", "v1beta1", "v1alpha1"),
    _not_judged("flagger.app", "Canary", "canaries", "v1beta1"),
)

FELIX_CONFIGURATION = Kind(
    "crd.projectcalico.org", "FelixConfiguration", "felixconfigurations", ("v1",), core.Spec,
    namespaced=False, optional=True, former_groups=("projectcalico.org",),
)  # fmt: skip

CONTROLLERS: tuple[Kind[apps.Controller], ...] = (
    DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, ROLLOUT, REPLICA_SET, REPLICATION_CONTROLLER, DEPLOYMENT_CONFIG,
)  # fmt: skip

KINDS: tuple[Kind[Any], ...] = (
    NAMESPACE, NODE, POD, SERVICE, SERVICE_ACCOUNT, ENDPOINT_SLICE, ENDPOINTS, CONFIG_MAP,
    DEPLOYMENT, STATEFUL_SET, DAEMON_SET, REPLICA_SET, JOB, CRON_JOB, ROLLOUT,
    REPLICATION_CONTROLLER, DEPLOYMENT_CONFIG,
    AUTOSCALER, DISRUPTION_BUDGET, NETWORK_POLICY, WEBHOOK,
    VIRTUAL_SERVICE, DESTINATION_RULE, ISTIO_GATEWAY, SERVICE_ENTRY, SIDECAR, WORKLOAD_ENTRY, WORKLOAD_GROUP,
    PROXY_CONFIG, ENVOY_FILTER,
    AUTHORIZATION_POLICY, PEER_AUTHENTICATION, REQUEST_AUTHENTICATION,
    TELEMETRY, WASM_PLUGIN, TRAFFIC_EXTENSION,
    GATEWAY_CLASS, GATEWAY, HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE, REFERENCE_GRANT,
    FELIX_CONFIGURATION, *NOT_JUDGED,
)  # fmt: skip
