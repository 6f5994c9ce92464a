"""The sidecar that a new pod gets: like those that the mesh has, and like the charts' where it has none.

Source: istio-semantics.md §1.3 to §1.5 (what injection adds to a pod, and by what it is told).
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct, structs

from sidestep.actions.in_memory.control_plane import HBONE
from sidestep.model.metadata import Labels, Revision, WorkloadRef
from sidestep.model.pods import Container, EnvVar, PodShape, PodSpec, ResourceRequirements, kept_annotations
from sidestep.model.quantity import RawQuantity, Resources
from sidestep.semantics.injected_labels import INJECTED_LABELS, injected_labels
from sidestep.semantics.native_sidecars import NATIVE_SIDECAR
from sidestep.semantics.proxies import (
    INTERCEPTION,
    PROXY,
    REDIRECTORS,
    REVISION,
    STATUS,
    TUNNEL,
    Recognition,
    SidecarMode,
    recognise,
)
from sidestep.semantics.proxy_resources import ANNOTATIONS, CPU_LIMIT, MEMORY_LIMIT, predicted_requests

_METRICS = ("prometheus.io/path", "prometheus.io/port", "prometheus.io/scrape")
_MERGED_METRICS = "15020"
_NAMES = frozenset({PROXY, *REDIRECTORS})


class Donor(Struct, frozen=True):
    """Pods that have a sidecar already: a new one looks like theirs."""

    workload: WorkloadRef
    shape: PodShape
    recognition: Recognition
    pods: int


class Wanted(Struct, frozen=True):
    """What the injector adds.

    Attributes:
        revision: that injects; None where the webhook does not tell.
        hbone: whether the control plane makes sidecars take HBONE; they keep it in any case.
        requests: of its container by default.
    """

    revision: Revision | None
    hbone: bool
    requests: Resources


class Donors:
    """The sidecars that there were in a mesh, the most frequent first."""

    def __init__(self, shapes: Iterable[tuple[WorkloadRef, PodShape, int]]) -> None:
        found = [Donor(ref, shape, recognise(shape), pods) for ref, shape, pods in shapes]
        self._best: dict[tuple[object, ...], Donor] = {}
        for donor in sorted((each for each in found if each.recognition.sidecar), key=lambda each: -each.pods):
            for key in _keys(donor.workload, donor.recognition.revision):
                self._best.setdefault(key, donor)

    def like(self, workload: WorkloadRef, revision: Revision | None) -> Donor | None:
        """The nearest one: of the workload, of its namespace, of the mesh, in each of the same revision first."""
        found = (self._best.get(key) for key in _keys(workload, revision))
        return next((donor for donor in found if donor), None)


def injected(template: PodShape, wanted: Wanted, donor: Donor | None, name: str) -> PodShape:
    """A template after injection.

    Args:
        template: what the controller declares.
        wanted: what the injector adds.
        donor: a pod whose sidecar is copied; None for the charts' own.
        name: of the workload, for the canonical service.
    """
    hbone = wanted.hbone or (donor is not None and donor.recognition.hbone)
    native = _is_native(template, donor)
    redirectors = _redirectors(template, donor)
    proxy = _proxy(template, wanted, donor, hbone=hbone, native=native)
    plain = _without_mesh(template.spec)
    init = (*redirectors, *((proxy,) if native else ()), *(plain.init_containers or ()))
    containers = (*(plain.containers or ()), *(() if native else (proxy,)))
    status = {
        "initContainers": [each.name for each in init if each.name in _NAMES],
        "containers": None if native else [PROXY],
        "revision": wanted.revision,
    }
    return structs.replace(
        template,
        labels={
            **injected_labels(template.labels, name, hbone=False),
            **template.labels,
            **({TUNNEL: "http"} if hbone else {}),
        },
        annotations={
            **(_metrics(donor.shape.annotations) if donor else {}),
            **kept_annotations(template.annotations),
            **({REVISION: wanted.revision} if wanted.revision else {}),
            STATUS: msgspec.json.encode(status).decode(),
        },
        spec=structs.replace(plain, containers=containers, init_containers=init or None),
    )


def stripped(shape: PodShape) -> PodShape:
    """What pods with a sidecar were before injection, as far as they tell: for those whose template was not read."""
    if STATUS not in shape.annotations:
        return shape
    gone = {STATUS, REVISION, *(_metrics(shape.annotations))}
    return structs.replace(
        shape,
        labels={key: value for key, value in shape.labels.items() if key not in INJECTED_LABELS},
        annotations={key: value for key, value in shape.annotations.items() if key not in gone},
        spec=_without_mesh(shape.spec),
    )


def _keys(workload: WorkloadRef, revision: Revision | None) -> Iterable[tuple[object, ...]]:
    return (
        (workload, revision),
        (workload,),
        (workload.namespace, revision),
        ("", revision),
        (),
    )


def _is_native(template: PodShape, donor: Donor | None) -> bool:
    told = template.annotations.get(NATIVE_SIDECAR)
    if told in ("true", "false"):
        return told == "true"
    return donor is not None and donor.recognition.sidecar is SidecarMode.NATIVE


def _redirectors(template: PodShape, donor: Donor | None) -> tuple[Container, ...]:
    if template.annotations.get(INTERCEPTION) == "NONE":
        return ()
    found = (donor.shape.spec.init_containers or ()) if donor else ()
    return tuple(each for each in found if each.name in REDIRECTORS) or (Container(REDIRECTORS[0]),)


def _proxy(template: PodShape, wanted: Wanted, donor: Donor | None, *, hbone: bool, native: bool) -> Container:
    like = (donor.recognition.proxy if donor else None) or Container(PROXY, args=("proxy", "sidecar"))
    same = donor is not None and donor.recognition.revision == wanted.revision
    others = tuple(each for each in like.env or () if each.name != HBONE)
    return structs.replace(
        like,
        image=like.image if same else None,
        env=(*others, EnvVar(HBONE, "true")) if hbone else others,
        resources=_resources(template.annotations, wanted, donor),
        restart_policy="Always" if native else "",
    )


def _resources(annotations: Labels, wanted: Wanted, donor: Donor | None) -> ResourceRequirements | None:
    """The donor's, unless annotations of either pod say something of their own."""
    own = {key: value for key, value in annotations.items() if key in ANNOTATIONS}
    if donor and own == {key: value for key, value in donor.shape.annotations.items() if key in ANNOTATIONS}:
        return donor.recognition.proxy.resources if donor.recognition.proxy else None
    requests = predicted_requests(annotations, wanted.requests)
    limits: dict[str, RawQuantity | None] = {
        name: own[key] for name, key in (("cpu", CPU_LIMIT), ("memory", MEMORY_LIMIT)) if key in own
    }
    return ResourceRequirements({"cpu": f"{requests.cpu_millis}m", "memory": requests.memory_bytes}, limits or None)


def _without_mesh(spec: PodSpec) -> PodSpec:
    """A spec without what injection adds, and without what a template says to it."""
    init = tuple(each for each in spec.init_containers or () if each.name not in _NAMES)
    containers = tuple(each for each in spec.containers or () if each.name not in _NAMES)
    return structs.replace(spec, containers=containers, init_containers=init or None)


def _metrics(annotations: Labels) -> Labels:
    """Where the proxy offers the metrics of both, if it does."""
    if annotations.get(_METRICS[1]) != _MERGED_METRICS:
        return {}
    return {key: annotations[key] for key in _METRICS if key in annotations}
