"""What a workload needs as a server: policies, tokens, routes and filters that only a proxy which reads HTTP enforces.

Source: istio-semantics.md §3.9, §3.10.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.plan.document import Reason
from sidestep.plan.verdicts.configuration import Configuration, is_dialled
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.authorization.policy import Action, Policy
from sidestep.semantics.authorization.ztunnel import Authorization, convert
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.protocols import Declared
from sidestep.semantics.service_index import Service

_PLAIN_TLS = frozenset({"", "ISTIO_MUTUAL", "DISABLE"})


class Needs(Struct, frozen=True):
    """What asks for a waypoint.

    Attributes:
        enforced: policies and tokens: without a waypoint requests would be decided otherwise.
        traffic: routes and traffic policies: without a waypoint they would be handled otherwise.
        policies: the AuthorizationPolicies of `enforced`.
        tokens: the RequestAuthentications of `enforced`.
        custom: a CUSTOM policy is among them.
        routed: full names of the services that `traffic` is about.
    """

    enforced: tuple[Reason, ...] = ()
    traffic: tuple[Reason, ...] = ()
    policies: tuple[Policy, ...] = ()
    tokens: tuple[RequestPolicy, ...] = ()
    custom: bool = False
    routed: frozenset[str] = frozenset()

    @property
    def any(self) -> bool:
        """Whether anything does."""
        return bool(self.enforced or self.traffic)


def needs(configuration: Configuration, pods: Instances) -> Needs:
    """Everything that asks for a waypoint before pods."""
    index = configuration.index
    policies = [policy for policy in index.applied_policies(pods) if layer7_reason(policy) is not None]
    tokens = [policy for policy in index.sidecar_request_policies(pods) if policy.rules]
    services = [service for service in index.in_front_of(pods) if is_dialled(service)]
    enforced = [reason for policy in policies if (reason := layer7_reason(policy)) is not None]
    enforced += [_token_reason(policy) for policy in tokens]
    by_service = {service.host: list(_traffic(configuration, service, pods)) for service in services}
    traffic = [reason for reasons in by_service.values() for reason in reasons]
    return Needs(
        tuple(enforced),
        tuple(dict.fromkeys(traffic)),
        tuple(policies),
        tuple(tokens),
        any(policy.action is Action.CUSTOM for policy in policies),
        frozenset(host for host, reasons in by_service.items() if reasons),
    )


def together(found: Iterable[Needs]) -> Needs:
    """What pods of several templates need, for a workload in which one follows another."""
    every = tuple(found)
    return Needs(
        tuple(dict.fromkeys(reason for each in every for reason in each.enforced)),
        tuple(dict.fromkeys(reason for each in every for reason in each.traffic)),
        tuple({policy.id: policy for each in every for policy in each.policies}.values()),
        tuple({policy.id: policy for each in every for policy in each.tokens}.values()),
        any(each.custom for each in every),
        frozenset[str]().union(*(each.routed for each in every)),
    )


def layer7_reason(policy: Policy) -> Reason | None:
    """Why a policy needs a proxy that reads HTTP; None where ztunnel enforces it whole."""
    if policy.dry_run:
        return None
    if policy.action in (Action.CUSTOM, Action.AUDIT):
        return Reason(f"{policy.action} policies never reach ztunnel", policy.id, "action", ("D04", "D08"))
    sent = convert(policy, "")
    if not isinstance(sent, Authorization):
        return None
    if any(name in ("trustDomains", "notTrustDomains") for name in _unsent(policy)):
        return Reason("ztunnel has no field for trust domains", policy.id, "rules", ("D04", "D09"))
    if not sent.lost:
        return None
    fields = ", ".join(sent.lost)
    if policy.action is Action.ALLOW:
        return Reason(
            f"its rules look at {fields}; at ztunnel they go, and nobody gets in", policy.id, "rules", ("D04", "D05")
        )
    if any(group.void for group in sent.groups):
        return Reason(f"its rules look at {fields}; at ztunnel it denies nothing", policy.id, "rules", ("D04", "D06"))
    return Reason(f"its rules look at {fields}; at ztunnel it denies more", policy.id, "rules", ("D04", "D07"))


def _unsent(policy: Policy) -> Iterator[str]:
    for rule in policy.rules:
        for clause in rule.clauses:
            for part in clause.any_of:
                for term in part.terms:
                    yield term.field.rpartition(".")[2]


def _token_reason(policy: RequestPolicy) -> Reason:
    headers = any(rule.output_headers for rule in policy.rules)
    codes = ("D34", "D35") if headers else ("D34",)
    return Reason("without a proxy that reads HTTP nobody validates tokens", policy.id, "jwtRules", codes)


def _traffic(configuration: Configuration, service: Service, pods: Instances) -> Iterator[Reason]:
    for resource in configuration.virtual_services.get(service.host, ()):
        yield Reason(f"routes requests for {service.host}", resource.id, "spec", _route_codes(resource))
    for resource in configuration.routes.get(service.host, ()):
        yield Reason(f"routes requests for {service.host}", resource.id, "spec.rules", ("D38",))
    routed = service.host in configuration.virtual_services
    for resource in configuration.destination_rules.get(service.host, ()):
        codes = tuple(code for code in rule_codes(resource) if routed or code != "D53")
        if codes:
            yield Reason(f"shapes connections to {service.host}", resource.id, "spec", codes)
    if pods.count > 1 and any(_is_grpc(port.name) for port in service.ports if port.protocol is Declared.HTTP):
        text = "gRPC: without a proxy that reads HTTP a client keeps to one pod, where sidecars spread each request"
        yield Reason(text, service.resource.id, "spec.ports", ("D44",))


def _is_grpc(name: str) -> bool:
    return name.partition("-")[0] == "grpc"


def _route_codes(resource: Resource[Spec]) -> tuple[str, ...]:
    """The differences that a VirtualService brings with it."""
    spec = resource.view.spec or {}
    rules = as_dicts(spec.get("http"))
    matches = [match for rule in rules for match in as_dicts(rule.get("match"))]
    codes = ["D38"]
    if any("prefix" in as_dict(match.get("uri")) or match.get("ignoreUriCase") for match in matches):
        codes.append("D41")
    if len(rules) > 1:
        codes.append("D42")
    if any(match.get("sourceLabels") or match.get("sourceNamespace") for match in matches):
        codes.append("D49")
    gateways = spec.get("gateways")
    if isinstance(gateways, list) and len(gateways) > 1:
        codes.append("D50")
    return tuple(codes)


def rule_codes(resource: Resource[Spec]) -> tuple[str, ...]:
    """The differences of a DestinationRule; none for one that asks for nothing but Istio's own mTLS.

    Subsets matter only where a route names them.
    """
    spec = resource.view.spec or {}
    policies = [as_dict(spec.get("trafficPolicy"))]
    policies += [as_dict(subset.get("trafficPolicy")) for subset in as_dicts(spec.get("subsets"))]
    policies += [port for policy in policies for port in as_dicts(policy.get("portLevelSettings"))]
    codes = []
    if any(set(policy) - {"tls", "portLevelSettings", "port"} for policy in policies):
        codes.append("D44")
    if as_dicts(spec.get("subsets")):
        codes.append("D53")
    if any(as_text(as_dict(policy.get("tls")).get("mode")) not in _PLAIN_TLS for policy in policies):
        codes.append("D36")
    return tuple(codes)


def selected(resource: Resource[Spec], labels: Labels, field: str = "selector") -> bool:
    """Whether a resource's selector takes pods; one without selector takes all."""
    spec = resource.view.spec or {}
    chosen = as_dict(spec.get(field))
    wanted = as_dict(chosen.get("matchLabels")) or as_dict(chosen.get("labels"))
    return all(labels.get(str(name)) == value for name, value in wanted.items())
