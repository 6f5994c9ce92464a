"""SID219: a port of a Service behind a waypoint that declares no protocol: the waypoint must guess."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import SERVICE
from sidestep.model.resource import Resource
from sidestep.model.views.core import Service, ServicePort
from sidestep.semantics.port_protocols import is_declared, speaks_first
from sidestep.semantics.services import bound_services


def _check(facts: Facts) -> Iterator[Found]:
    for bound in bound_services(facts.mesh):
        if bound.resource.kind == SERVICE.name:
            ports = [port for port in bound.resource.view.spec.ports or () if not is_declared(port)]
            if ports:
                yield _found(bound.resource, ports)


def _found(service: Resource[Service], ports: list[ServicePort]) -> Found:
    waiting = [port for port in ports if speaks_first(port)]
    told = ", ".join(_spelled(port) for port in waiting or ports)
    effect = (
        "the server speaks first while the waypoint waits for the client, so that connections hang at first"
        if waiting
        else "the waypoint looks at the first bytes to tell HTTP from TCP, and policies and routes follow its guess"
    )
    return Found(
        of_resource(service),
        f"behind a waypoint without a declared protocol on {told}: {effect}",
        "set appProtocol on the port: http, http2, grpc, tcp, tls, mysql, mongo or redis",
        tuple(Evidence("spec.ports", _spelled(port)) for port in ports),
        Severity.WARNING if waiting else None,
    )


def _spelled(port: ServicePort) -> str:
    return f"port {port.port}{f' ({port.name})' if port.name else ''}"


RULE = Rule(
    "SID219",
    "port-protocol-undeclared",
    "Port without protocol behind a waypoint",
    Severity.INFO,
    _check,
    ("IST0118",),
)
