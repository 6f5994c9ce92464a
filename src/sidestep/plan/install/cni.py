"""Values of the chart `cni`: the agent on each node that hands pods to ztunnel.

Its own keys stand under `cni`, where the platform profiles have theirs, because that place wins over the top level
(templates/zzy_descope_legacy.yaml). The chart gives the pods `system-node-critical` and leaves no choice there.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.model.kinds import CONFIG_MAP, SERVICE_ENTRY
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.model.views.apps import Controller
from sidestep.model.views.core import ConfigMap, Spec
from sidestep.plan.install.images import image_settings, pull_secrets
from sidestep.plan.install.mesh_config import DNS_CAPTURE, captures_dns
from sidestep.plan.install.platform import Platform
from sidestep.plan.install.releases import (
    DETECTION_RETRY,
    DNS_CAPTURE_DEFAULT,
    OWNED_CNI_CONFIG,
    RECONCILE,
    RECONCILE_DEFAULT,
    knows,
)
from sidestep.plan.install.situation import Situation, common
from sidestep.plan.install.trees import inner, pod_spec
from sidestep.plan.install.values import Setting

_QUOTA, _PODS_PER_NODE = 5000, 2.2
_HOST_PATHS = (
    ("cni-bin-dir", "cniBinDir", frozenset({"/opt/cni/bin", "/home/kubernetes/bin"})),
    ("cni-net-dir", "cniConfDir", frozenset({"/etc/cni/net.d"})),
    ("cni-netns-dir", "cniNetnsDir", frozenset({"/var/run/netns"})),
)
_UNCHAINED = frozenset({Platform.OPENSHIFT})
_WITH_PATHS = frozenset({Platform.OPENSHIFT, Platform.K3S, Platform.K3D, Platform.MICROK8S, Platform.MINIKUBE})


def cni_settings(found: Situation) -> Iterator[Setting]:
    """All values of istio-cni, in the order to print."""
    yield from common(found)
    yield from image_settings(found)
    yield from pull_secrets(found)
    yield _dns(found)
    yield from _repairs(found)
    yield from _owned_config(found)
    yield from _kept(found)
    yield from quota(found, ("cni", "resourceQuotas"))


def quota(found: Situation, path: tuple[str, ...]) -> Iterator[Setting]:
    """Room for two critical pods on every node, and some more while they are replaced; GKE demands a quota."""
    needed = int(found.scale.nodes * _PODS_PER_NODE)
    if found.platform.platform is Platform.GKE and needed > _QUOTA:
        because = (
            f"{found.scale.nodes} nodes with istio-cni and ztunnel each, and a tenth more; the chart's 5000 are too few"
        )
        yield Setting((*path, "pods"), needed, because)


def without_addresses(mesh: Mesh) -> list[Resource[Spec]]:
    """ServiceEntries that ambient can only tell by the address that DNS capture gives them."""
    return [each for each in mesh.of(SERVICE_ENTRY) if _needs_address(each.view.spec or {})]


def _needs_address(spec: dict[str, Any]) -> bool:
    return bool(spec.get("hosts")) and not spec.get("addresses") and spec.get("resolution", "NONE") != "NONE"


def _dns(found: Situation) -> Setting:
    path, current = ("cni", "ambient", "dnsCapture"), found.current
    if found.settings.dns_capture is not None:
        return Setting(path, found.settings.dns_capture, "the caller said so")
    agent = _agent_config(found)
    if agent and (agent.view.data or {}).get("AMBIENT_ENABLED") == "true":
        captured = (agent.view.data or {}).get("AMBIENT_DNS_CAPTURE") == "true"
        return Setting(path, captured, "set today for ambient pods, kept", agent.id, "data.AMBIENT_DNS_CAPTURE")
    if captures_dns(current) and current.mesh_config:
        field = f"{current.mesh_field}: defaultConfig.proxyMetadata.{DNS_CAPTURE}"
        return Setting(
            path, True, "sidecars answer DNS today, and ztunnel goes on with it", current.mesh_config.id, field
        )
    entries = without_addresses(found.mesh)
    if entries:
        because = (
            f"{len(entries)} ServiceEntries without addresses are only matched by an address that ztunnel answers with"
        )
        return Setting(path, True, because, entries[0].id, "spec.addresses")
    default = "the default since 1.25" if knows(found.version, DNS_CAPTURE_DEFAULT) else "the default of later releases"
    because = f"{default}; no ServiceEntry lacks an address, so that nothing resolves otherwise than today"
    return Setting(path, True, because, assumed=found.mesh.lacks(SERVICE_ENTRY))


def _repairs(found: Situation) -> Iterator[Setting]:
    ambient = ("cni", "ambient")
    if knows(found.version, RECONCILE) and not knows(found.version, RECONCILE_DEFAULT):
        because = "an upgraded agent mends rules of pods that an older one made; the default since 1.29"
        yield Setting((*ambient, "reconcileIptablesOnStartup"), True, because)
    if knows(found.version, DETECTION_RETRY):
        because = "an API server that fails for a moment cannot leave a pod outside the mesh"
        yield Setting((*ambient, "enableAmbientDetectionRetry"), True, because)


def _owned_config(found: Situation) -> Iterator[Setting]:
    """A file of istio-cni's own needs a chain of plugins, which Multus on OpenShift is not."""
    if not knows(found.version, OWNED_CNI_CONFIG) or found.platform.platform in _UNCHAINED:
        return
    because = "after a node restarts no pod starts before istio-cni is there, and so none outside the mesh"
    yield Setting(("cni", "istioOwnedCNIConfig"), True, because)


def _kept(found: Situation) -> Iterator[Setting]:
    """What the agent that runs was told about its node."""
    agent = _agent_config(found)
    excluded = (agent.view.data or {}).get("EXCLUDE_NAMESPACES", "") if agent else ""
    names = [name.strip() for name in excluded.split(",") if name.strip()]
    if agent and names and names != ["kube-system"]:
        because = "set today, kept: pods of these namespaces never become ambient"
        yield Setting(("cni", "excludeNamespaces"), names, because, agent.id, "data.EXCLUDE_NAMESPACES")
    if found.current.cni:
        yield from _paths(found.current.cni, found.platform.platform)


def _paths(daemon_set: Resource[Controller], platform: Platform) -> Iterator[Setting]:
    """Directories on the node, where they are neither the chart's nor left to a platform's profile."""
    volumes = pod_spec(daemon_set).get("volumes")
    for volume in volumes if isinstance(volumes, list) else ():
        for name, key, usual in _HOST_PATHS:
            path = inner(volume, "hostPath", "path")
            named = inner(volume, "name") == name and isinstance(path, str)
            if named and path not in usual and platform not in _WITH_PATHS:
                field = f"spec.template.spec.volumes[{name}].hostPath.path"
                yield Setting(("cni", key), path, "set today, kept", daemon_set.id, field)


def _agent_config(found: Situation) -> Resource[ConfigMap] | None:
    return found.mesh.find(CONFIG_MAP, found.cni_namespace, "istio-cni-config")
