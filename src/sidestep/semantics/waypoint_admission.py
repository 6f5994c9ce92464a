"""Whether policies at the pods let a waypoint in, whose identity they see instead of its clients'.

Source: istio-semantics.md §2.3 (identity), §3.6, D02, P7, P10. What cannot be told, such as the waypoint's address,
counts in its favour, so that a refusal is certain.
"""

from collections.abc import Sequence

from msgspec import Struct

from sidestep.model.mesh import Mesh
from sidestep.model.pods import PodShape
from sidestep.model.resource import Resource
from sidestep.model.views.core import Service, ServicePort
from sidestep.semantics.authorization.policy import Action, Attribute, Policy
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import Authorization, convert
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.identity import principal_of
from sidestep.semantics.mesh_config import mesh_configs, trust_domains
from sidestep.semantics.waypoints import Binding


class WaypointPeer(Struct, frozen=True):
    """A waypoint as the pods see it.

    Attributes:
        namespace: its own.
        account: its service account, which bears the Gateway's name unless told otherwise.
        trust_domains: of the control planes.
        sure: whether their configuration was read; else a policy's own word is taken for the trust domain.
    """

    namespace: str
    account: str
    trust_domains: tuple[str, ...]
    sure: bool

    @property
    def principals(self) -> tuple[str, ...]:
        """As policies may name it."""
        return tuple(principal_of(domain, self.namespace, self.account) for domain in self.trust_domains)


def peer_of(mesh: Mesh, binding: Binding) -> WaypointPeer:
    """The identity of a waypoint that something is bound to."""
    domains = tuple(sorted(trust_domains(mesh)))
    return WaypointPeer(binding.namespace, binding.account, domains, bool(mesh_configs(mesh)))


def target_ports(service: Resource[Service], shape: PodShape | None) -> tuple[int, ...]:
    """The ports of the pods that a Service sends to, where they can be told."""
    found = (_target(port, shape) for port in service.view.spec.ports or () if port.protocol == "TCP")
    return tuple(number for number in found if number is not None)


def refusal(policies: Sequence[Policy], peer: WaypointPeer, ports: tuple[int, ...]) -> str | None:
    """Why policies certainly refuse a waypoint on every port; None where it may get in, or where no port is known."""
    if not policies or not ports:
        return None
    enforced = _enforced(policies)
    domains = peer.trust_domains if peer.sure else (*peer.trust_domains, *_named_domains(policies))
    reasons = []
    for port in ports:
        for domain in domains:
            identity = principal_of(domain, peer.namespace, peer.account)
            verdict = enforced.judge(Seen(identity=identity, destination_port=port))
            if verdict.allowed is not False or verdict.authorization is None:
                return None
            reasons.append(_reason(enforced, verdict.authorization))
    return reasons[0]


def _enforced(policies: Sequence[Policy]) -> ZtunnelSet:
    sent = [authorization for policy in policies if isinstance(authorization := convert(policy, ""), Authorization)]
    return ZtunnelSet(
        tuple(each for each in sent if each.action is Action.DENY),
        tuple(each for each in sent if each.action is Action.ALLOW),
    )


def _reason(enforced: ZtunnelSet, decided: Authorization) -> str:
    if decided.action is Action.DENY:
        return f"AuthorizationPolicy {decided.namespace}/{decided.name} denies it"
    names = ", ".join(f"AuthorizationPolicy {each.namespace}/{each.name}" for each in enforced.allow)
    return f"no rule of {names} admits it"


def _named_domains(policies: Sequence[Policy]) -> tuple[str, ...]:
    """Trust domains that policies write before their principals."""
    terms = (t for policy in policies for rule in policy.rules for c in rule.clauses for p in c.any_of for t in p.terms)
    written = (value for term in terms if term.attribute is Attribute.PRINCIPAL for value in term.one_of.written)
    return tuple(dict.fromkeys(value.partition("/")[0] for value in written if "/" in value and value[0] != "*"))


def _target(port: ServicePort, shape: PodShape | None) -> int | None:
    """A target port, by number, by the name of a container's port, or the Service's own."""
    if port.target_port is None:
        return port.port
    if isinstance(port.target_port, int):
        return port.target_port
    containers = shape.spec.all_containers if shape else ()
    declared = (each for container in containers for each in container.ports or ())
    return next((each.container_port for each in declared if each.name == port.target_port), None)
