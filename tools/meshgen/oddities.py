"""One of everything that the audit finds, each planted by a function of its own."""

from collections.abc import Callable

from tools.meshgen import objects as o
from tools.meshgen.cluster import Cluster
from tools.meshgen.config import BEFORE_CNI, ISTIO_IMAGE, OLD_ISTIO_IMAGE, OLD_REVISION, REVISION
from tools.meshgen.proxies import REQUESTS, Sidecar, inject, proxy_container
from tools.meshgen.templates import app, meshed, waypoint

_INJECT = "sidecar.istio.io/inject"


def namespace_inject_label(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("legacy-portal", {_INJECT: "true"}))
    cluster.workload("Deployment", "portal", "legacy-portal", app("portal"), 3)


def inject_annotation_only(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("batch-tools", {}))
    template = app("indexer")
    template["metadata"]["annotations"][_INJECT] = "true"
    cluster.workload("Deployment", "indexer", "batch-tools", template, 2)


def inject_value_not_boolean(cluster: Cluster) -> None:
    template = app("scorer")
    template["metadata"]["labels"][_INJECT] = "yes"
    cluster.workload("Deployment", "scorer", "batch-tools", template, 2)


def revision_unknown(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("partner-api", {"istio.io/rev": "1-24"}))
    cluster.workload("Deployment", "partners", "partner-api", app("partners"), 3)


def injection_labels_conflict(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("crm", {"istio-injection": "enabled", "istio.io/rev": "prod"}))
    plain = app("crm")
    cluster.workload("Deployment", "crm", "crm", meshed(plain, "default"), 4, declared=plain)


def drift(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("loyalty", {}))
    plain = app("points")
    cluster.workload("Deployment", "points", "loyalty", meshed(plain, "tag"), 5, declared=plain)


def old_revision_sidecar(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("warehouse", {"istio.io/rev": REVISION}))
    plain = app("pallets")
    cluster.workload("Deployment", "pallets", "warehouse", meshed(plain, "old"), 6, declared=plain)


def job_classic_sidecar(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("reporting", {"istio.io/rev": REVISION}))
    plain = app("nightly")
    template = inject(plain, Sidecar(native=False, revision=REVISION))
    cluster.workload("CronJob", "nightly", "reporting", template, 1, declared=plain)


def user_proxy_container(cluster: Cluster) -> None:
    plain = app("tuned")
    declared = app("tuned")
    declared["spec"]["containers"].append({"name": "istio-proxy", "image": "auto", "resources": REQUESTS})
    cluster.workload("Deployment", "tuned", "reporting", meshed(plain, "tag"), 2, declared=declared)


def uid_1337(cluster: Cluster) -> None:
    plain = app("scraper")
    plain["spec"]["securityContext"] = {"runAsUser": 1337}
    cluster.workload("Deployment", "scraper", "reporting", meshed(plain, "tag"), 2, declared=plain)


def host_network_enrolled(cluster: Cluster) -> None:
    plain = app("edge-agent")
    plain["spec"]["hostNetwork"] = True
    cluster.workload("Deployment", "edge-agent", "reporting", plain, 2)


def proxyless_grpc(cluster: Cluster) -> None:
    plain = app("quotes")
    template = inject(plain, Sidecar(native=False, revision=REVISION))
    template["metadata"]["annotations"]["inject.istio.io/templates"] = "grpc-agent"
    template["spec"]["initContainers"] = []
    template["spec"]["containers"][-1]["env"].append({"name": "DISABLE_ENVOY", "value": "true"})
    declared = app("quotes")
    declared["metadata"]["annotations"]["inject.istio.io/templates"] = "grpc-agent"
    cluster.workload("Deployment", "quotes", "reporting", template, 3, declared=declared)


def sidecar_without_hbone(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("archive", {"istio.io/rev": REVISION}))
    plain = app("vault-index")
    template = inject(plain, Sidecar(revision=REVISION, hbone=False))
    cluster.workload("Deployment", "vault-index", "archive", template, 4, declared=plain)


def proxy_requests_dropped(cluster: Cluster) -> None:
    plain = app("thumbs")
    plain["metadata"]["annotations"]["sidecar.istio.io/proxyCPU"] = "50m"
    template = inject(plain, Sidecar(revision=REVISION, resources={"requests": {"cpu": "50m"}}))
    cluster.workload("Deployment", "thumbs", "archive", template, 3, declared=plain)


def proxy_oom_killed(cluster: Cluster) -> None:
    plain = app("gateway-cache")
    cluster.workload("Deployment", "gateway-cache", "archive", meshed(plain, "tag"), 2, declared=plain, oom=True)


def cheapest_win(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("telemetry-ingest", {"istio.io/rev": "prod"}))
    plain = app("collector", 50, 96)
    count = min(64, max(cluster.config.pods // 10, 52))
    cluster.workload("Deployment", "collector", "telemetry-ingest", meshed(plain, "tag"), count, declared=plain)


def ambient_label_and_sidecar(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("half-moved", {"istio.io/dataplane-mode": "ambient", "istio.io/rev": "prod"}))
    plain = app("settings")
    cluster.workload("Deployment", "settings", "half-moved", meshed(plain, "tag"), 3, declared=plain)


def ambient_not_captured(cluster: Cluster) -> None:
    cluster.add(o.labelled_namespace("moved", {"istio.io/dataplane-mode": "ambient"}))
    cluster.workload("Deployment", "inbox", "moved", app("inbox"), 2)


def pod_before_cni(cluster: Cluster) -> None:
    cluster.workload("Deployment", "outbox", "moved", app("outbox"), 2, started=BEFORE_CNI)


def waypoint_not_available(cluster: Cluster) -> None:
    cluster.add(o.waypoint("waypoint", "moved"))
    cluster.workload("Deployment", "waypoint", "moved", waypoint("waypoint"), 1)


def waypoint_binding_broken(cluster: Cluster) -> None:
    cluster.add(o.service("inbox", "moved", labels={"istio.io/use-waypoint": "wayponit"}))
    cluster.add(o.istio("AuthorizationPolicy", "inbox-api", "moved", {
        "targetRefs": [{"kind": "Service", "group": "", "name": "inbox"}],
        "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}))  # fmt: skip


def network_policy_blocks_hbone(cluster: Cluster) -> None:
    cluster.add(o.network_policy("points-http", "loyalty", "points", (8080,)))


def cni_conflict(cluster: Cluster) -> None:
    data = {"cni-exclusive": "true", "enable-bpf-masquerade": "false", "kube-proxy-replacement": "false"}
    cluster.add(o.thing("v1", "ConfigMap", o.meta("cilium-config", "kube-system"), data=data))


def healthy_waypoint(cluster: Cluster) -> None:
    """Not odd: what a good one looks like must stay silent."""
    cluster.add(o.labelled_namespace("shop", {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "shop"}))
    cluster.add(o.waypoint("shop", "shop"), o.autoscaler("shop", "shop"))
    cluster.add(o.disruption_budget("shop", "shop", {"gateway.networking.k8s.io/gateway-name": "shop"}, 1))
    cluster.add(o.http_route("front", "shop", "front"), o.service("front", "shop"))
    cluster.workload("Deployment", "shop", "shop", waypoint("shop"), 9)
    cluster.workload("Deployment", "front", "shop", meshed(app("front"), "ambient"), 6, declared=app("front"))


def sidecar_of_another_image(cluster: Cluster) -> None:
    """A bare pod with a sidecar, and a container of the proxy's name that nobody injected."""
    image = inject(app("probe"), Sidecar(native=False, revision=OLD_REVISION, image=OLD_ISTIO_IMAGE))
    cluster.workload("Pod", "probe", "default", image, 1)
    look_alike = app("look-alike")
    look_alike["spec"]["containers"].append(proxy_container("sidecar", ISTIO_IMAGE, REQUESTS))
    cluster.workload("Pod", "look-alike", "default", look_alike, 1)


ODDITIES: dict[str, Callable[[Cluster], None]] = {
    "SID101": namespace_inject_label,
    "SID102": inject_annotation_only,
    "SID103": inject_value_not_boolean,
    "SID104": revision_unknown,
    "SID105": injection_labels_conflict,
    "SID106": drift,
    "SID107": old_revision_sidecar,
    "SID108": job_classic_sidecar,
    "SID109": user_proxy_container,
    "SID110": uid_1337,
    "SID111": host_network_enrolled,
    "SID112": proxyless_grpc,
    "SID113": sidecar_without_hbone,
    "SID114": proxy_requests_dropped,
    "SID115": proxy_oom_killed,
    "SID116": cheapest_win,
    "SID118": ambient_label_and_sidecar,
    "SID119": ambient_not_captured,
    "SID120": pod_before_cni,
    "SID121": waypoint_not_available,
    "SID122": waypoint_binding_broken,
    "SID123": network_policy_blocks_hbone,
    "SID124": cni_conflict,
    "healthy waypoint": healthy_waypoint,
    "look-alikes": sidecar_of_another_image,
}
"""What is planted for which finding; SID117 needs measurements, which a cluster's objects do not hold."""
