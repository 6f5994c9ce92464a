"""What the audit knows before it judges: every workload with its pods, recognised once per shape."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.model import kinds
from sidestep.model.mesh import Mesh
from sidestep.model.telemetry import Telemetry
from sidestep.semantics.injectors import Injectors
from sidestep.semantics.inventory import Group, Workload
from sidestep.semantics.layer7 import LAYER7, Feature, Use, excludes_traffic, features_of

__all__ = ["Facts", "Group", "Options", "Workload", "feature_counts"]


class Options(Struct, frozen=True):
    """What the caller may set.

    Attributes:
        sidecar_threshold: more sidecars than this in a namespace without layer 7 make it a cheap win.
        suppress: `CODE` or `CODE=Kind namespace/name`, with `*` as wildcard.
        namespaces: judge only these; empty for all.
    """

    sidecar_threshold: int = 50
    suppress: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


class Facts(Struct, frozen=True, dict=True):
    """Everything a rule may look at.

    Attributes:
        mesh: as it was read.
        injectors: who injects.
        workloads: all of them, by namespace, kind and name.
        telemetry: what was measured.
        options: what the caller set.
    """

    mesh: Mesh
    injectors: Injectors
    workloads: tuple[Workload, ...]
    telemetry: Telemetry = Telemetry()
    options: Options = Options()

    @cached_property
    def uses(self) -> Mapping[str, tuple[Use, ...]]:
        """Features in use, by the namespace of the object that uses them."""
        found: dict[str, list[Use]] = {}
        for kind in _FEATURE_KINDS:
            for resource in self.mesh.of(kind):
                for feature in features_of(kind, resource):
                    found.setdefault(resource.meta.namespace, []).append(Use(feature, resource))
        return {namespace: tuple(uses) for namespace, uses in found.items()}

    @cached_property
    def by_namespace(self) -> Mapping[str, tuple[Workload, ...]]:
        """Workloads by namespace."""
        found: dict[str, list[Workload]] = {}
        for workload in self.workloads:
            found.setdefault(workload.ref.namespace, []).append(workload)
        return {namespace: tuple(workloads) for namespace, workloads in found.items()}

    def layer7_uses(self, namespace: str) -> tuple[Use, ...]:
        """Objects of a namespace that need a proxy which reads HTTP."""
        return tuple(use for use in self.uses.get(namespace, ()) if use.feature in LAYER7)

    def groups(self) -> Iterator[tuple[Workload, Group]]:
        """Every group of every workload."""
        for workload in self.workloads:
            for group in workload.groups:
                yield workload, group


_FEATURE_KINDS = (
    kinds.AUTHORIZATION_POLICY,
    kinds.REQUEST_AUTHENTICATION,
    kinds.PEER_AUTHENTICATION,
    kinds.VIRTUAL_SERVICE,
    kinds.DESTINATION_RULE,
    kinds.HTTP_ROUTE,
    kinds.GRPC_ROUTE,
    kinds.ENVOY_FILTER,
    kinds.WASM_PLUGIN,
    kinds.TRAFFIC_EXTENSION,
    kinds.TELEMETRY,
    kinds.SIDECAR,
    kinds.SERVICE_ENTRY,
)


def feature_counts(uses: tuple[Use, ...], workloads: tuple[Workload, ...]) -> dict[str, int]:
    """How many objects use each feature, in the order of `Feature`; of traffic exclusions, how many workloads."""
    counts = {feature: sum(use.feature is feature for use in uses) for feature in Feature}
    shapes = [workload.next_shape for workload in workloads]
    counts[Feature.TRAFFIC_EXCLUSION] = sum(
        shape is not None and excludes_traffic(shape.annotations) for shape in shapes
    )
    return {feature.value: count for feature, count in counts.items() if count}
