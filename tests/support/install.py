"""A control plane and the objects around it, as an installation reads them."""

import json

from tests.support.mesh import Object, app, o, ztunnel

IMAGE = "docker.io/istio/pilot:1.29.2"
HELM = {"meta.helm.sh/release-name": "istiod", "meta.helm.sh/release-namespace": "istio-system"}


def istiod(
    revision="default", *, space="istio-system", image=IMAGE, env=None, replicas=2, owned=True, owners=None, **spec
) -> Object:
    """Its Deployment; `env` by name, `spec` of the pod template."""
    template = app("istiod", 500, 2048)
    template["spec"]["containers"][0] |= {"name": "discovery", "image": image, "env": variables(env or {})}
    template["spec"] |= spec
    template["metadata"]["labels"]["istio.io/rev"] = revision
    name = "istiod" if revision == "default" else f"istiod-{revision}"
    made = o.controller("Deployment", name, space, template, replicas)
    made["metadata"]["annotations"] = dict(HELM) if owned else {}
    made["metadata"]["ownerReferences"] = owners or []
    return made


def variables(env: dict[str, str | None]) -> list[Object]:
    """Environment of a container; None is a name without its value, as a snapshot has it."""
    return [{"name": name} if value is None else {"name": name, "value": value} for name, value in env.items()]


def mesh_config(text: str, revision="default", space="istio-system", **data) -> Object:
    name = "istio" if revision == "default" else f"istio-{revision}"
    return config_map(name, space, mesh=text, **data)


def injector(values: Object, revision="default", space="istio-system") -> Object:
    name = "istio-sidecar-injector" if revision == "default" else f"istio-sidecar-injector-{revision}"
    return config_map(name, space, values=json.dumps(values), config="policy: enabled\n")


def config_map(name: str, space: str, **data: str) -> Object:
    return o.thing("v1", "ConfigMap", o.meta(name, space), data=data)


def node(name="n1", kubelet="v1.34.2", provider="", labels=None) -> Object:
    made = o.node(name, "m6i.large", (2, 8), "a", "general")
    made["metadata"]["labels"] = {"topology.kubernetes.io/zone": "a", **(labels or {})}
    made["spec"]["providerID"] = provider
    made["status"]["nodeInfo"]["kubeletVersion"] = kubelet
    return made


def daemon_set(name: str, space="kube-system", container="agent", image="agent:1.0.0", env=None, **spec) -> Object:
    template = app(name)
    template["spec"]["containers"][0] |= {"name": container, "image": image, "env": variables(env or {})}
    template["spec"] |= spec
    return o.controller("DaemonSet", name, space, template, None)


def istio_cni(space="istio-system", **spec) -> Object:
    made = daemon_set("istio-cni-node", space, "install-cni", "docker.io/istio/install-cni:1.29.2", **spec)
    made["spec"]["template"]["metadata"]["labels"] = {"k8s-app": "istio-cni-node", "app": "istio-cni-node"}
    return made


def ztunnels(space="istio-system") -> Object:
    return o.controller("DaemonSet", "ztunnel", space, ztunnel(), None)
