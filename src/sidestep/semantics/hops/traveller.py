"""A request on its way: what it has passed, who sends it on, and what it carries by now."""

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.metadata import Labels
from sidestep.semantics.decisions import Branch, Check, CheckKind, Hop, Proxy, Shape, Transport, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.leads import leads
from sidestep.semantics.requests import Http, Request
from sidestep.semantics.routing.route import Backend, Route
from sidestep.semantics.service_index import Service


class Sender(Struct, frozen=True, gc=False):
    """Who sends the next leg.

    Attributes:
        words: for people.
        namespace: empty outside of the cluster.
        labels: for NetworkPolicies.
        principal: of its certificate; None when it has none.
        address: from which packets come; empty when not known.
        instances: the pods, where it is some.
        is_waypoint: whether a waypoint sends it on.
        local: whether it is a process on the receiving pod's own node.
    """

    words: str
    namespace: str = ""
    labels: Labels = {}
    principal: str | None = None
    address: str = ""
    instances: Instances | None = None
    is_waypoint: bool = False
    local: bool = False


class Traveller(Struct, frozen=True, gc=False):
    """The state between two hops.

    Attributes:
        index: the mesh.
        request: as it was sent.
        sender: of the next leg.
        hops: passed so far.
        http: what is carried by now; None where no proxy reads HTTP.
        route: taken last.
        weight: share of this way.
        condition: on which it is taken.
        asked: full name of the service whose waypoint was asked; empty before.
        dialled: address that the client dials; empty where it is not known.
        read: whether a proxy on the way reads HTTP: it answers where what comes after it fails.
        backend: of the route taken last, the one that is tried.
        chosen: who of those behind the service is taken, where not each in turn.
    """

    index: MeshIndex
    request: Request
    sender: Sender
    hops: tuple[Hop, ...] = ()
    http: Http | None = None
    route: Route | None = None
    weight: float = 1.0
    condition: str = ""
    asked: str = ""
    dialled: str = ""
    read: bool = False
    backend: Backend | None = None
    chosen: tuple[str, ...] = ()

    def address_of(self, pods: Instances) -> str:
        """The address of pods on this way; empty for one of several, or where none runs."""
        return pods.address_towards(self.dialled)

    def passed(self, hop: Hop, *, reads: bool = False) -> "Traveller":
        """After a hop that let it through, and maybe reads HTTP."""
        return replace(self, hops=(*self.hops, hop), read=self.read or reads)

    def end(self, hop: Hop, instances: Instances | None = None) -> Branch:
        """The way ends at a hop: there or refused there."""
        for check in hop.checks:
            if check.verdict is not Verdict.ALLOW:
                return self._branch(hop, check, check.verdict, check.shape, instances)
        return self._branch(hop, None, Verdict.ALLOW, Shape.NONE, instances)

    def stop(self, proxy: Proxy, at: str, check: Check, port: int = 0) -> Branch:
        """The way ends before anything is sent on."""
        identity, source = self.sender.principal, self.sender.address
        return self.end(Hop(proxy, at, identity=identity, source=source, port=port, checks=(check,)))

    def unknown(self, at: str, reason: str) -> Branch:
        """What follows cannot be told."""
        return self.stop(Proxy.NONE, at, Check(CheckKind.ROUTE, Verdict.UNKNOWN, reason=reason))

    def of_other_settings(self, pods: Instances, *, sends: bool = False) -> Branch | None:
        """What becomes of it at pods whose control plane is not the one whose settings are known."""
        doubt = self.index.doubt(pods, sends=sends)
        return self.unknown(pods.words, f"{pods.words}: {doubt}") if doubt else None

    def _branch(
        self, hop: Hop, check: Check | None, verdict: Verdict, shape: Shape, instances: Instances | None
    ) -> Branch:
        where, group = (instances.workload, instances.place) if instances is not None else (None, 0)
        delivered = self.http if check is None else None
        return Branch(
            (*self.hops, hop), verdict, shape, self.route, where, self.weight, self.condition, check, delivered, group,
            self.backend, self._copies() if check is None else (), self.chosen,
        )  # fmt: skip

    def _copies(self) -> tuple[tuple[float, tuple[str, ...]], ...]:
        copies = self.route.copies if self.route is not None else ()
        return tuple((share, self._behind(backend)) for share, backend in copies)

    def _behind(self, backend: Backend) -> tuple[str, ...]:
        """The workloads of a destination with the port that is dialled there; its name where it has none."""
        service = self.index.services.by_host.get(backend.host)
        pods = self.index.behind(service) if service is not None and backend.known else ()
        chosen = {str(each.workload) for each in pods if backend.labels.items() <= each.labels.items()}
        return (*(sorted(chosen) or _ends(service, backend) or (backend.label,)), str(backend.port))


def _ends(service: Service | None, backend: Backend) -> list[str]:
    """Those of a ServiceEntry, each with its share."""
    if service is None or backend.port is None or not backend.known:
        return []
    found = leads(service, backend.port, backend.labels)
    return sorted(f"{each.host}:{each.port} {each.said} {each.share:.3g}" for each in found)


def identity_over(transport: Transport, sender: Sender) -> str | None:
    """What the receiver knows of the sender: nothing over plaintext."""
    return None if transport is Transport.PLAINTEXT else sender.principal
