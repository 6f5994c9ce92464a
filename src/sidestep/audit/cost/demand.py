"""What a pod asks of a node, with its sidecar and without.

Source: k8s.io/component-helpers/resource, `PodRequests`: containers and native sidecars add up; an init container
counts with the native sidecars started before it, and only where that is more than the sum.
"""

from sidestep.model.pods import Container, PodSpec
from sidestep.model.quantity import Resources, millicores, whole_bytes
from sidestep.semantics.proxies import PROXY

_OF_THE_SIDECAR = frozenset({PROXY, "istio-init", "istio-validation"})


def demand(spec: PodSpec) -> Resources:
    """What the scheduler reserves for a pod."""
    return _demand(spec, spec.init_containers or (), spec.containers or ())


def demand_without_sidecar(spec: PodSpec) -> Resources:
    """What it would reserve without the proxy and its init container."""
    return _demand(spec, _without(spec.init_containers or ()), _without(spec.containers or ()))


def _without(containers: tuple[Container, ...]) -> tuple[Container, ...]:
    return tuple(container for container in containers if container.name not in _OF_THE_SIDECAR)


def _demand(spec: PodSpec, init: tuple[Container, ...], containers: tuple[Container, ...]) -> Resources:
    running = sum((container.requests for container in containers), Resources())
    beside = peak = Resources()
    for container in init:
        if container.is_native_sidecar:
            beside += container.requests
            peak = _larger(peak, beside)
        else:
            peak = _larger(peak, beside + container.requests)
    overhead = spec.overhead or {}
    extra = Resources(millicores(overhead.get("cpu")) or 0, whole_bytes(overhead.get("memory")) or 0)
    return _larger(running + beside, peak) + extra


def _larger(one: Resources, other: Resources) -> Resources:
    return Resources(max(one.cpu_millis, other.cpu_millis), max(one.memory_bytes, other.memory_bytes))
