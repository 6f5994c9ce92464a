"""Istio's injector as the lab's API server calls it: whether a new pod is given a proxy is decided by `semantics`."""

from collections.abc import Iterator

from sidestep.controlplane.records import PROXY_ANNOTATION, ProxyRole
from sidestep.lab.cluster.injected import Given, inject_gateway, inject_sidecar
from sidestep.lab.cluster.objects import Change, Ref, Store, Tree
from sidestep.lab.cluster.shapes import mesh_of, shape_of
from sidestep.model.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, POD, PROXY_CONFIG, WEBHOOK
from sidestep.model.mesh import Mesh
from sidestep.model.pods import PodShape
from sidestep.semantics.injection import Candidate, Result
from sidestep.semantics.injectors import Injectors, injectors
from sidestep.semantics.loose import annotations_of, labels_of
from sidestep.semantics.native_sidecars import is_native
from sidestep.semantics.proxies import PROXY, STATUS, TEMPLATES, Role, recognise
from sidestep.semantics.proxy_config import HBONE, ProxyConfig, proxy_config
from sidestep.semantics.proxy_resources import default_requests, predicted_requests
from sidestep.semantics.settings import Settings, settings

_READ = frozenset({WEBHOOK.key, CONFIG_MAP.key, DEPLOYMENT.key, PROXY_CONFIG.key})
_GATEWAY, _SIDECAR = "gateway", "sidecar"


class Injection:
    """Completes pods that are created.

    Args:
        store: the objects.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._istio: _Istio | None = None
        store.admit(self._complete)
        store.listen(self._hear)

    @property
    def image(self) -> str:
        """Of proxies."""
        return self._read().image

    def config_of(self, shape: PodShape) -> ProxyConfig:
        """What the proxy of such pods is told to be."""
        return self._read().config_of(shape)

    def _complete(self, ref: Ref, tree: Tree, before: Tree | None) -> None:
        if ref.kind != POD.key:
            return
        if before is not None:
            _keep(tree, before)
            return
        tree["metadata"]["annotations"] = {**annotations_of(tree)}
        tree["metadata"]["annotations"].pop(PROXY_ANNOTATION, None)
        shape = shape_of(tree)
        if shape is None:
            return
        if not _has_proxy(shape):
            self._inject(tree, shape)
        role = proxy_role(tree)
        if role:
            tree["metadata"]["annotations"][PROXY_ANNOTATION] = role.value

    def _inject(self, tree: Tree, shape: PodShape) -> None:
        istio = self._read()
        namespace = self._store.get(Ref(NAMESPACE.key, "", shape.namespace))
        pod = Candidate(
            shape.namespace,
            labels_of(namespace) if namespace else {},
            shape.labels,
            shape.annotations,
            shape.spec.host_network,
        )
        found = istio.injectors.decide(pod)
        if found.result is not Result.INJECTED:
            return
        given = istio.given(shape, found.revision or "default")
        templates = {each.strip() for each in shape.annotations.get(TEMPLATES, _SIDECAR).split(",")}
        if _GATEWAY in templates:
            inject_gateway(tree, given)
        elif _SIDECAR in templates:
            inject_sidecar(tree, given)

    def _read(self) -> "_Istio":
        if self._istio is None:
            self._istio = _Istio(mesh_of(self._configuration()))
        return self._istio

    def _configuration(self) -> Iterator[Tree]:
        for kind in sorted(_READ):
            yield from (each for each in self._store.of(kind) if _is_istio(kind, each["metadata"]["name"]))

    def _hear(self, change: Change) -> None:
        if change.ref.kind in _READ and _is_istio(change.ref.kind, change.ref.name):
            self._istio = None


class _Istio:
    """What istiod was told, read once."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self.injectors: Injectors = injectors(mesh)
        self._settings: Settings = settings(mesh)
        version = self._settings.version
        self.image = f"docker.io/istio/proxyv2:{version.found or version.version}"

    def config_of(self, shape: PodShape) -> ProxyConfig:
        """What the proxy of such pods is told to be."""
        return proxy_config(self._mesh, shape.namespace, shape.labels, shape.annotations)

    def given(self, shape: PodShape, revision: str) -> Given:
        """What a proxy of such pods is made of; with HBONE, as ambient's installation has it, unless told otherwise."""
        config = self.config_of(shape)
        return Given(
            revision,
            self.image,
            is_native(shape.annotations, self._settings),
            config.says(HBONE, default=True),
            config,
            predicted_requests(shape.annotations, default_requests(self._mesh, None)),
        )


def proxy_role(pod: Tree) -> ProxyRole | None:
    """Which proxy of the mesh's runs in a pod, by what its object has; None for none."""
    shape = shape_of(pod)
    if shape is None or shape.spec.host_network:
        return None
    found = recognise(shape)
    if found.role is Role.WAYPOINT:
        return ProxyRole.WAYPOINT
    if found.role is Role.GATEWAY:
        return ProxyRole.GATEWAY if found.proxy is not None else None
    return ProxyRole.SIDECAR if found.sidecar and not found.proxyless else None


def is_ztunnel(pod: Tree) -> bool:
    """Whether a pod is the node's own proxy, for which the lab's stands."""
    shape = shape_of(pod)
    return shape is not None and recognise(shape).role is Role.ZTUNNEL


def _has_proxy(shape: PodShape) -> bool:
    """Whether somebody injected it before it came here: a snapshot's pod, or `istioctl kube-inject`."""
    proxy = next((each for each in shape.spec.all_containers if each.name == PROXY), None)
    return STATUS in shape.annotations or (proxy is not None and (proxy.args or ("",))[0] == "proxy")


def _keep(tree: Tree, before: Tree) -> None:
    """A pod's spec cannot be changed, and what was injected is no part of the manifest that is applied again."""
    if PROXY_ANNOTATION not in annotations_of(before):
        return
    tree["spec"] = before["spec"]
    tree["metadata"]["labels"] = {**labels_of(before), **labels_of(tree)}
    tree["metadata"]["annotations"] = {**annotations_of(before), **annotations_of(tree)}


def _is_istio(kind: str, name: str) -> bool:
    """Of ConfigMaps and Deployments only Istio's are read."""
    if kind == CONFIG_MAP.key:
        return name.startswith("istio")
    return name.startswith("istiod") if kind == DEPLOYMENT.key else True
