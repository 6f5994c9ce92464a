"""What a DestinationRule asks for that ztunnel and waypoints do otherwise than a client's sidecar.

Source: istio-semantics.md §4.4, D36, D44; release notes of 1.31 (consistent hashing, pull request 61045).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.convert.rewrite import Severity
from sidestep.convert.routes.ledger import Trouble
from sidestep.semantics.service_index import Service
from sidestep.semantics.trees import mapping, mappings, text
from sidestep.semantics.versions import IstioVersion

_FILES = ("clientCertificate", "privateKey", "caCertificates")
_ORIGINATED = ("SIMPLE", "MUTUAL")
_LAYER_4 = ("connectionPool", "loadBalancer", "outlierDetection", "tunnel", "proxyProtocol", "retryBudget")


def without_waypoint(policy: Mapping[str, Any], service: Service) -> Iterator[Trouble]:
    """What goes where ztunnel alone is between.

    Raises:
        MalformedError: a field has a wrong type.
    """
    for field, settings in _levels(policy):
        for name in _LAYER_4:
            if settings.get(name) is not None:
                yield Trouble(
                    f"{field}.{name}", f"asks for it of connections to {service.host}",
                    "ztunnel reads no DestinationRules (D44)", "bind the service to a waypoint",
                )  # fmt: skip
        tls = mapping(settings.get("tls"), f"{field}.tls")
        if text(tls.get("mode"), f"{field}.tls.mode") in _ORIGINATED:
            yield Trouble(
                f"{field}.tls", f"starts TLS to {service.host}",
                "ztunnel sends what the application sends: plain text leaves (D36)",
                "bind the ServiceEntry to a waypoint, or let the application speak TLS", Severity.SECURITY,
            )  # fmt: skip
        yield from _names(tls, f"{field}.tls", service)


def at_waypoint(policy: Mapping[str, Any], service: Service, target: IstioVersion) -> Iterator[Trouble]:
    """What a waypoint does otherwise.

    Raises:
        MalformedError: a field has a wrong type.
    """
    for field, settings in _levels(policy):
        if settings.get("connectionPool") is not None:
            yield Trouble(
                f"{field}.connectionPool", f"limits each client's connections to {service.host}",
                "the waypoint counts all clients together (D44)", "raise the limits by the number of clients",
            )  # fmt: skip
        balancer = mapping(settings.get("loadBalancer"), f"{field}.loadBalancer")
        if balancer.get("consistentHash") is not None and not target.since(1, 31):
            yield Trouble(
                f"{field}.loadBalancer.consistentHash", "sends like requests to the same pod",
                "before 1.31 a waypoint does so only where a route speaks of the service", "add a route, or Istio 1.31",
            )  # fmt: skip
        tls = mapping(settings.get("tls"), f"{field}.tls")
        yield from _tls(tls, f"{field}.tls", service)
        yield from _names(tls, f"{field}.tls", service)


def _names(tls: Mapping[str, Any], field: str, service: Service) -> Iterator[Trouble]:
    """Names of servers of the mesh; outside of it, whoever starts TLS asks for them."""
    if tls.get("subjectAltNames") and not service.external:
        yield Trouble(
            f"{field}.subjectAltNames", f"refuses pods of {service.host} whose certificate has none of these names",
            "ztunnel and waypoints expect the identity that istiod told them of the pod, whatever it is (D37)",
            "see that only these accounts run pods behind the service", Severity.SECURITY,
        )  # fmt: skip


def _tls(tls: Mapping[str, Any], field: str, service: Service) -> Iterator[Trouble]:
    if text(tls.get("mode"), f"{field}.mode") not in _ORIGINATED:
        return
    for name in _FILES:
        if tls.get(name) is not None:
            yield Trouble(
                f"{field}.{name}", f"starts TLS to {service.host} with a file of the client's pod",
                "the waypoint's pod has no such file", "put it into a Secret that the waypoint mounts",
                Severity.SECURITY,
            )  # fmt: skip
    if tls.get("credentialName") is not None:
        yield Trouble(
            f"{field}.credentialName", f"starts TLS to {service.host} with a Secret",
            "the waypoint reads Secrets of its own namespace only", "put the Secret into the waypoint's namespace",
            Severity.SECURITY,
        )  # fmt: skip


def _levels(policy: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Settings for the host and for single ports."""
    yield "spec.trafficPolicy", policy
    for at, each in enumerate(mappings(policy.get("portLevelSettings"), "portLevelSettings")):
        yield f"spec.trafficPolicy.portLevelSettings[{at}]", each
