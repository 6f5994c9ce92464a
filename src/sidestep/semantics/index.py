"""A mesh made ready for decisions: everything that one request may need, found without a search.

All of it is derived and lazy: what is not asked for is not computed, so that a decision costs what it touches.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from sidestep.model import kinds
from sidestep.model.mesh import Mesh
from sidestep.semantics.authentication.peers import Levels, PeerPolicy, levels, parse_peer_policy, unplaced_peer_policy
from sidestep.semantics.authentication.peers_at_ztunnel import derived
from sidestep.semantics.authentication.tokens import RequestPolicy, parse_request_policy, unplaced_request_policy
from sidestep.semantics.authorization.attachment import (
    WAYPOINT_CLASS,
    AttachableT,
    GatewayTarget,
    for_gateway,
    for_waypoint,
    for_workload,
    service_target,
)
from sidestep.semantics.authorization.evaluate import PolicySet, policy_set
from sidestep.semantics.authorization.parse import parse_policy, unplaced_policy
from sidestep.semantics.authorization.policy import Action, Policy
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.authorization.ztunnel import Authorization, Withheld, allowed_waypoint, convert
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.by_place import ByPlace
from sidestep.semantics.endpoints import Endpoints
from sidestep.semantics.extension_providers import Authorizer
from sidestep.semantics.gateways import SCOPED, Gateways
from sidestep.semantics.handed_on import ALWAYS_ASKED, ANYWHERE, changes, handed_on
from sidestep.semantics.identity import principal_of
from sidestep.semantics.injection import REVISION
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.inventory import Inventory, inventory, pods_were_read
from sidestep.semantics.network_index import NetworkIndex
from sidestep.semantics.parsed import Parsed, ParsedPolicies
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.routing.hosts import Host, HostPort, is_wildcard, within
from sidestep.semantics.routing.naming import named_gateways
from sidestep.semantics.routing.routing import Routing
from sidestep.semantics.routing.sidecars import TLS_ON_INGRESS
from sidestep.semantics.service_index import CLUSTER_DOMAIN, Service, ServiceIndex, service_index
from sidestep.semantics.services import waypoint_of
from sidestep.semantics.settings import Settings, settings
from sidestep.semantics.telemetry import Telemetries
from sidestep.semantics.unread import taken_for_granted
from sidestep.semantics.versions import IstioVersion
from sidestep.semantics.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE, Binding, BindingState, binding
from sidestep.semantics.workloads import Workloads

_HOLDS = (BindingState.ACCEPTED, BindingState.UNDECIDED)
_COMPILED = 16384
"""How many sets of policies are held ready."""


class MeshIndex(Struct, frozen=True, dict=True):
    """One mesh and its settings; build it once with `of` and ask it many times."""

    mesh: Mesh
    settings: Settings

    @classmethod
    def of(cls, mesh: Mesh, version: IstioVersion | None = None, like: "MeshIndex | None" = None) -> "MeshIndex":
        """The index of a mesh.

        Args:
            mesh: of which.
            version: of Istio, where the user names it.
            like: the index of a mesh that shares objects with this one; what the others cannot change is taken over.
        """
        ordered = mesh.in_order if like is None else mesh.in_order_as(like.mesh)
        changed = None if like is None else changes(like.mesh, ordered, like.named_gateways)
        found: Settings | None = None
        if like is not None:
            ordered.beside(like.mesh)
            same = changed is not None and not changed.settings and vars(like).get("asked_for", like) == version
            found = like.settings if same else None
        made = cls(ordered, found or settings(ordered, version))
        vars(made)["asked_for"] = version
        if like is not None and changed is not None and made.settings == like.settings:
            like.find_common()
            vars(made).update(handed_on(vars(like), changed, ordered, made.settings.root_namespace))
            if like.mesh.gaps != ordered.gaps:
                vars(made).pop("_granted", None)
        return made

    def find_common(self) -> None:
        """Find what everybody needs who decides."""
        for name in ALWAYS_ASKED:
            getattr(self, name)

    @cached_property
    def inventory(self) -> Inventory:
        """All workloads."""
        return inventory(self.mesh)

    @cached_property
    def workloads(self) -> Workloads:
        """Pods that are alike, by workload; those of a namespace are looked at when it is first asked for."""
        return Workloads.of(self.mesh)

    @property
    def by_namespace(self) -> Mapping[str, tuple[Instances, ...]]:
        """Pods that are alike, by namespace."""
        return self.workloads.by_namespace

    @property
    def by_address(self) -> Mapping[str, Instances]:
        """Pods by their address; those on the host's network share the node's and are left out."""
        return self.workloads.by_address

    @cached_property
    def services(self) -> ServiceIndex:
        """Everything that can be dialled by name."""
        return service_index(self.mesh)

    @cached_property
    def authorizers(self) -> dict[str, Authorizer]:
        """External authorizers that are asked: of one whose service istiod does not know, whatever asks it is refused.

        Source: pilot/pkg/security/authz/builder/extauthz.go, pilot/pkg/extensionproviders (LookupCluster).
        """
        known = self.services.by_host
        return {name: each for name, each in self.settings.authorizers.items() if each.host in known}

    @cached_property
    def network(self) -> NetworkIndex:
        """All NetworkPolicies."""
        return NetworkIndex(self.mesh)

    @cached_property
    def routing(self) -> Routing:
        """All routes."""
        found = self.settings
        defaults = structs.replace(found.routing, ends_tls=found.flag(TLS_ON_INGRESS, default=False))
        return Routing(self.mesh, self._hosts, found.root_namespace, found.version, defaults)

    @cached_property
    def named_gateways(self) -> frozenset[str]:
        """Gateways that any route may name."""
        return named_gateways(self.mesh)

    @cached_property
    def routed_alone(self) -> frozenset[str]:
        """Names that sidecars route though no service has them: of hosts outside, perhaps under a wildcard.

        What nobody can look up, a Service that is not there, is none of them.
        """
        known = self.services.by_host
        written = [name for name in self.routing.names() if "." in name.lstrip("*") and name not in known]
        exact = {name for name in written if not is_wildcard(name)}
        covers = {name for name in written if is_wildcard(name) and not any(within(host, name) for host in known)}
        return frozenset(name for name in exact | {f"any{name[1:]}" for name in covers} if not _is_inside(name))

    @cached_property
    def gateways(self) -> Gateways:
        """All gateways, of both APIs."""
        pods = tuple(each for group in self.workloads.values() for each in group if each.mode is Mode.GATEWAY)
        scoped = self.settings.flag(SCOPED, default=False)
        return Gateways(self.mesh, self.routing.servers, pods, scoped)

    @cached_property
    def telemetries(self) -> Telemetries:
        """What is to be seen of requests."""
        return Telemetries(self.mesh, self.settings.root_namespace, self.services.by_host)

    @cached_property
    def assumptions(self) -> tuple[str, ...]:
        """What every decision takes for granted because it was not read."""
        version = self.settings.version
        found = ["Istio's version was not read: the newest that is known is assumed"] if version.assumed else []
        found += [version.outside] if version.outside else []
        if self.settings.config is None:
            found.append("no mesh configuration was read: Istio's defaults are assumed")
        everybody = [] if pods_were_read(self.mesh) else [each for own in self.workloads.values() for each in own]
        if any(each.declared for each in everybody):
            found.append("no running pods were read of some workloads: what injection would add is assumed")
        if any(each.assumed for each in everybody):
            spaces = ", ".join(sorted({each.namespace for each in everybody if each.assumed}))
            found.append(f"labels of namespace {spaces} were not read: its workloads are taken to have sidecars")
        return (*found, *self._granted)

    @cached_property
    def _granted(self) -> tuple[str, ...]:
        return tuple(taken_for_granted(self.mesh, self.settings.root_namespace))

    def host(self, service: Service) -> Host:
        """A service as routing knows it."""
        return self._hosts[service.host]

    def principal(self, instances: Instances) -> str:
        """Who pods are in this mesh."""
        known = self._of(instances)
        if not known.principal:
            known.principal = instances.principal(self.settings.trust_domain)
        return known.principal

    def doubt(self, instances: Instances, *, sends: bool) -> str:
        """Why these settings may not hold where pods send, or receive; empty where they do.

        Pods in ambient have ztunnel's control plane, taken to be the default one; others their proxy's, and those of
        whom nothing is known the one that their namespace asks for.
        """
        known = self.settings.planes
        unguarded = instances.mode is Mode.NONE or (instances.mode is Mode.SIDECAR and not instances.captures)
        if not known.fields or unguarded:
            return ""
        own = instances.revision or self.mesh.namespace_labels(instances.namespace).get(REVISION, "")
        return known.doubt("" if instances.mode is Mode.AMBIENT else own, sends=sends)

    def in_front_of(self, instances: Instances) -> tuple[Service, ...]:
        """The services that select pods, the oldest first."""
        known = self._of(instances)
        if known.services is None:
            known.services = self._endpoints.in_front_of(instances)
        return known.services

    def unserved(self, namespace: str) -> tuple[Instances, ...]:
        """The pods of a namespace that no service selects."""
        found = self._unserved.get(namespace)
        if found is None:
            near = self.by_namespace.get(namespace, ())
            found = self._unserved[namespace] = tuple(each for each in near if not self.in_front_of(each))
        return found

    def behind(self, service: Service) -> tuple[Instances, ...]:
        """The pods that a service selects."""
        known = self._behind.at(self._place(service))
        found = known.get(service.host)
        if found is None:
            found = known[service.host] = self._endpoints.behind(service)
        return found

    def waypoint_of(self, service: Service) -> Binding | None:
        """The waypoint that a service asks for."""
        known = self._waypoints.at(self._place(service))
        if service.host not in known:
            known[service.host] = waypoint_of(self.mesh, service.resource)
        return known[service.host]

    def _place(self, service: Service) -> str:
        """On what that rests which is found of a service: its namespace, if it stands for pods of that alone."""
        return ANYWHERE if service.host in self.services.unlike_others else service.namespace

    def waypoint_in_front_of(self, instances: Instances) -> Binding | None:
        """The waypoint of some service in front of pods, the oldest that has one, headless or not."""
        known = self._of(instances)
        if isinstance(known.in_front, UnsetType):
            asked = (self.waypoint_of(service) for service in self.in_front_of(instances))
            known.in_front = next((each for each in asked if each is not None and each.state in _HOLDS), None)
        return known.in_front

    def workload_waypoint(self, instances: Instances) -> Binding | None:
        """The waypoint that pods ask for, for traffic that dials them."""
        known = self._of(instances)
        if isinstance(known.waypoint, UnsetType):
            labels = instances.labels
            if USE_WAYPOINT not in labels:
                inherited = self.mesh.namespace_labels(instances.namespace)
                labels = {key: inherited[key] for key in (USE_WAYPOINT, USE_WAYPOINT_NAMESPACE) if key in inherited}
            known.waypoint = binding(self.mesh, labels, instances.namespace, "workload")
        return known.waypoint

    @cached_property
    def pod_waypoints(self) -> frozenset[tuple[str, str]]:
        """Waypoints that any pod is bound to: they inspect every port, whatever is declared."""
        near = (each for space in self._asking_spaces() for each in self.by_namespace.get(space, ()))
        asked = map(self.workload_waypoint, near)
        return frozenset((each.namespace, each.name) for each in asked if each and each.state is BindingState.ACCEPTED)

    def _asking_spaces(self) -> Iterable[str]:
        """Namespaces that ask for a waypoint, or in which pods do."""
        if not pods_were_read(self.mesh):
            return tuple(self.by_namespace)
        own = {each.meta.name for each in self.mesh.of(kinds.NAMESPACE) if USE_WAYPOINT in each.meta.labels}
        return sorted(own | self.workloads.asking(USE_WAYPOINT))

    def waypoint_principal(self, bound: Binding) -> str:
        """Who a waypoint is."""
        return principal_of(self.settings.trust_domain, bound.namespace, bound.account)

    def gateway_pods(self, namespace: str, name: str) -> tuple[Instances, ...]:
        """The pods of a Gateway of the Gateway API: of a waypoint or an ingress gateway."""
        return self.workloads.gateways(namespace).get(name, ())

    def peer_levels(self, instances: Instances) -> Levels:
        """The PeerAuthentications that count for pods."""
        known = self._of(instances)
        if known.peers is None:
            root, own = self.settings.root_namespace, instances.namespace
            near = self._peers.selecting(instances.labels, root, own)
            known.peers = levels(near, root, own, instances.labels)
        return known.peers

    def applied_policies(self, instances: Instances) -> tuple[Policy, ...]:
        """The AuthorizationPolicies that apply to pods by selector, namespace or mesh, as a sidecar reads them."""
        known = self._of(instances)
        if known.policies is None:
            known.policies = tuple(self._applied(self._policies, instances))
        return known.policies

    def sidecar_policies(self, instances: Instances, chain: Chain) -> PolicySet:
        """What a sidecar (or a gateway) enforces."""
        known = self._of(instances).chains
        if chain not in known:
            known[chain] = policy_set(self.applied_policies(instances), chain, self.settings.bundle)
        return known[chain]

    def sidecar_request_policies(self, instances: Instances) -> tuple[RequestPolicy, ...]:
        """The RequestAuthentications that a sidecar (or a gateway) enforces."""
        known = self._of(instances)
        if known.tokens is None:
            known.tokens = tuple(self._applied(self._request_policies, instances))
        return known.tokens

    def ztunnel_policies(self, instances: Instances) -> ZtunnelSet:
        """What ztunnel enforces."""
        known = self._of(instances)
        if known.ztunnel is None:
            known.ztunnel = self._ztunnel_set(instances)
        return known.ztunnel

    def waypoint_policies(self, gateway: GatewayTarget, service: Service | None, chain: Chain) -> PolicySet:
        """What a waypoint enforces on a service's chain; without a service, on traffic that dials pods."""
        key = (gateway, service.host if service else "", chain)
        sets = self._sets_of(gateway, service)
        known: PolicySet | None = sets.get(key)
        if known is None:
            known = sets[key] = self._set_of(tuple(self._attached(self._policies, gateway, service)), chain)
        return known

    def waypoint_request_policies(self, gateway: GatewayTarget, service: Service | None) -> tuple[RequestPolicy, ...]:
        """The RequestAuthentications that a waypoint enforces."""
        key = (gateway, service.host if service else "", "tokens")
        sets = self._sets_of(gateway, service)
        known: tuple[RequestPolicy, ...] | None = sets.get(key)
        if known is None:
            known = sets[key] = tuple(self._attached(self._request_policies, gateway, service))
        return known

    def _sets_of(self, gateway: GatewayTarget, service: Service | None) -> dict[Any, Any]:
        return self._sets.at(gateway.namespace, *(() if service is None else (self._place(service),)))

    def _applied(self, of: ParsedPolicies[AttachableT], instances: Instances) -> list[AttachableT]:
        root, own, labels = self.settings.root_namespace, instances.namespace, instances.labels
        gateway = labels.get(GATEWAY_NAME)
        if gateway is not None:
            return for_gateway(of.near(root, own), root, GatewayTarget(own, gateway, ""), labels)
        return for_workload(of.selecting(labels, root, own), root, own, labels)

    def _attached(
        self, of: ParsedPolicies[AttachableT], gateway: GatewayTarget, service: Service | None
    ) -> list[AttachableT]:
        root = self.settings.root_namespace
        spaces, target = [root, gateway.namespace], None
        names = [("Gateway", gateway.name), ("GatewayClass", WAYPOINT_CLASS)]
        if service is not None:
            target = service_target(service.resource.id)
            names.append((target.kind, target.name))
            spaces.append(service.namespace)
        return for_waypoint(of.targeting(names, *spaces), root, gateway, target)

    def _ztunnel_set(self, instances: Instances) -> ZtunnelSet:
        root, own = self.settings.root_namespace, instances.namespace
        applied = for_workload(self._policies.selecting(instances.labels, root, own), root, own, instances.labels)
        sent = [self._converted(policy) for policy in applied if not policy.invalid]
        known = [each for each in sent if isinstance(each, Authorization)]
        peers = derived(self.peer_levels(instances), root)
        return ZtunnelSet(
            (*peers, *(each for each in known if each.action is Action.DENY)),
            (*(each for each in known if each.action is Action.ALLOW), *self._waypoints_allowed(instances)),
            tuple(policy for policy in applied if policy.invalid),
        )

    def _waypoints_allowed(self, instances: Instances) -> tuple[Authorization, ...]:
        """What istiod adds for the waypoints of pods where a flag asks for it; being ALLOW, it shuts others out (D23).

        Source: pilot/pkg/serviceregistry/ambient/policies.go, workloads.go.
        """
        if not self.settings.admits_waypoints:
            return ()
        asked = (self.workload_waypoint(instances), *map(self.waypoint_of, self.in_front_of(instances)))
        bound = {(each.namespace, each.name): each for each in asked if each and each.state is BindingState.ACCEPTED}
        return tuple(
            allowed_waypoint(each.namespace, each.name, self.waypoint_principal(each)) for each in bound.values()
        )

    def _converted(self, policy: Policy) -> Authorization | Withheld:
        """A policy as sent; a dry run is only logged, whether sent or not."""
        return convert(policy, self.settings.root_namespace)

    @cached_property
    def _endpoints(self) -> Endpoints:
        return Endpoints(self.services, self.by_namespace, self.by_address)

    @cached_property
    def _policies(self) -> ParsedPolicies[Policy]:
        return ParsedPolicies(self.mesh, kinds.AUTHORIZATION_POLICY, parse_policy, unplaced_policy)

    @cached_property
    def _request_policies(self) -> ParsedPolicies[RequestPolicy]:
        return ParsedPolicies(self.mesh, kinds.REQUEST_AUTHENTICATION, parse_request_policy, unplaced_request_policy)

    @cached_property
    def _peers(self) -> Parsed[PeerPolicy]:
        return Parsed(self.mesh, kinds.PEER_AUTHENTICATION, parse_peer_policy, unplaced_peer_policy)

    @cached_property
    def _hosts(self) -> dict[str, Host]:
        return {host: _host(service) for host, service in self.services.by_host.items()}

    def _of(self, instances: Instances) -> "_Known":
        found = self._asked.get(id(instances))
        if found is None:
            known = self._pods.at(instances.namespace)
            found = known.get(id(instances))
            if found is None:
                found = known[id(instances)] = _Known(instances)
            self._asked[id(instances)] = found
        return found

    @cached_property
    def _asked(self) -> "dict[int, _Known]":
        """What is known of pods that were asked about, which it holds on to: every decision asks it many times."""
        return {}

    @cached_property
    def _pods(self) -> "ByPlace[int, _Known]":
        return ByPlace()

    @cached_property
    def _sets(self) -> ByPlace[Any, Any]:
        return ByPlace()

    def _set_of(self, policies: tuple[Policy, ...], chain: Chain) -> PolicySet:
        """Policies made ready for a chain: once, for all meshes that share them."""
        key = (chain, *map(id, policies))
        known = self._compiled.get(key)
        if known is None:
            if len(self._compiled) >= _COMPILED:
                self._compiled.clear()
            known = self._compiled[key] = (policies, policy_set(policies, chain, self.settings.bundle))
        return known[1]

    @cached_property
    def _compiled(self) -> "dict[tuple[object, ...], tuple[tuple[Policy, ...], PolicySet]]":
        """It holds on to policies, so that their identity stays theirs."""
        return {}

    @cached_property
    def _unserved(self) -> dict[str, tuple[Instances, ...]]:
        return {}

    @cached_property
    def _behind(self) -> ByPlace[str, tuple[Instances, ...]]:
        return ByPlace()

    @cached_property
    def _waypoints(self) -> ByPlace[str, Binding | None]:
        return ByPlace()


class _Known(Struct):
    """What was found of some pods, as far as anybody asked; it holds on to them, so that their id stays theirs."""

    instances: Instances
    principal: str = ""
    services: tuple[Service, ...] | None = None
    in_front: Binding | UnsetType | None = UNSET
    waypoint: Binding | UnsetType | None = UNSET
    peers: Levels | None = None
    policies: tuple[Policy, ...] | None = None
    chains: dict[Chain, PolicySet] = {}
    tokens: tuple[RequestPolicy, ...] | None = None
    ztunnel: ZtunnelSet | None = None


def _host(service: Service) -> Host:
    return Host(
        service.host,
        service.namespace,
        service.resource.kind,
        service.name,
        service.export_to,
        tuple(HostPort(port.number, port.name, port.written) for port in service.ports),
        service.headless,
    )


def _is_inside(name: str) -> bool:
    """Whether a name is of the cluster's own, which nobody knows where no Service has it."""
    return name.endswith((".svc", f".svc.{CLUSTER_DOMAIN}"))
