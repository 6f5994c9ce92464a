"""A cluster as a world: nine methods over its API."""

from collections.abc import Callable

from msgspec import structs

from sidestep.actions.gates.watching import Measure
from sidestep.actions.in_memory.trees import stripped
from sidestep.actions.worlds import looks, waits
from sidestep.actions.worlds.cluster import conditions
from sidestep.actions.worlds.cluster.places import Places
from sidestep.actions.worlds.cluster.refusals import Refusal, error_of
from sidestep.actions.worlds.cluster.server import APPLY, MERGE, Ask, Params, Server
from sidestep.actions.worlds.interface import Found, Tree, Version
from sidestep.errors import WorldError
from sidestep.model.kinds import POD
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.measures import Query
from sidestep.plan.steps import Probe, Wait

MANAGER = "sidestep"
"""Who we are among the owners of fields."""
_NOT_THERE = "1"
"""No object is of this version, for a store's first write is its second revision: who applies by it only creates."""
_PAGE = "500"
Asker = Callable[[Probe], str]


def nobody_asks(probe: Probe) -> str:
    """There is nobody of ours in the cluster: what becomes of a request cannot be told, and no gate is passed by it."""
    return f"cannot be told: nobody in the cluster sends a request as {probe.client} for us"


class ClusterWorld:
    """A cluster.

    Args:
        server: its API.
        identity: what tells it from every other cluster: `cluster_identity`.
        measure: what gates see, e.g. `gates.prometheus.Measured`; nothing where nobody measures.
        asker: sends a request from inside; by itself a cluster has nobody who would.
        may_write: raises where this run may not write (any more): another one holds the lease.
        dry_run: the server only says what it would make of writes.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        server: Server,
        identity: str,
        *,
        measure: Measure = lambda *_: None,
        asker: Asker = nobody_asks,
        may_write: Callable[[], object] = lambda: None,
        dry_run: bool = False,
    ) -> None:
        self._server, self._places = server, Places(server)
        self._name = f"cluster {identity}"
        self._measure, self._asker, self._may_write = measure, asker, may_write
        self._dry_run = dry_run
        self._how: Params = (("fieldManager", MANAGER), *((("dryRun", "All"),) if dry_run else ()))

    @property
    def name(self) -> str:
        """By the identity of the cluster, whatever contexts call it."""
        return self._name

    def moment(self) -> str:
        """The API server's."""
        return self._server.time().strftime("%Y-%m-%dT%H:%M:%SZ")

    def read(self, named: ObjectId) -> Found:
        """As it stands."""
        told = self._server.ask(Ask("GET", self._path(named)))
        if isinstance(told, Refusal):
            if told.is_absent:
                return Found()
            raise error_of(told, str(named))
        return Found(told, version_of(told))

    def patch(self, named: ObjectId, patch: Tree, version: Version) -> None:
        """By merge patch of that very version."""
        self.patched(named, patch, version)

    def apply(self, named: ObjectId, manifest: Tree, version: Version) -> None:
        """By server-side apply to that very version; fields of others are never taken by force."""
        self.applied(named, manifest, version)

    def delete(self, named: ObjectId, version: Version) -> None:
        """If it is still of that version."""
        if not version:
            return
        body: Tree = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": version}}
        if self._dry_run:
            body["dryRun"] = ["All"]  # beside a body, the query of a deletion is not read
        self._may_write()
        told = self._server.ask(Ask("DELETE", self._path(named), (), body))
        if isinstance(told, Refusal) and not told.is_absent:
            raise error_of(told, str(named))

    def patched(self, named: ObjectId, patch: Tree, version: Version) -> Tree:
        """What the server makes of a merge patch.

        Raises:
            As `World.patch`.
        """
        if not version:
            raise WorldError("there is none", where=str(named), remedy="look who took it away, and plan again")
        pinned = {**patch, "metadata": {**(patch.get("metadata") or {}), "resourceVersion": version}}
        return self._written(Ask("PATCH", self._path(named), self._how, pinned, MERGE), named)

    def applied(self, named: ObjectId, manifest: Tree, version: Version) -> Tree:
        """What the server makes of an object that is applied.

        A field that a patch of ours owns is taken over from ourselves: by force, and at that very version of the
        object, so that nothing of anybody else's can be meant.

        Raises:
            As `World.apply`.
        """
        place = self._places.of(named.api_version, named.kind)
        body = {**stripped(manifest), "apiVersion": place.api_version, "kind": named.kind}
        body["metadata"] = {**body["metadata"], "resourceVersion": version or _NOT_THERE}
        ask = Ask("PATCH", place.path(named), self._how, body, APPLY)
        self._may_write()
        told = self._server.ask(ask)
        if isinstance(told, Refusal) and told.owned() and all(each.manager == MANAGER for each in told.owned()):
            told = self._server.ask(structs.replace(ask, params=(*ask.params, ("force", "true"))))
        if isinstance(told, Refusal):
            raise error_of(told, str(named))
        return told

    def rolled_out(self, workload: WorkloadRef) -> str:
        """By its controller's status."""
        return waits.rolled_out(self, workload)

    def held_up_by(self, workload: WorkloadRef) -> str:
        """By the status of its pods."""
        return waits.held_up_by(self, workload)

    def holds(self, wait: Wait) -> str:
        """By what controllers, istiod and the CNI have written."""
        return waits.missing(self, wait)

    def waypoint_misses(self, named: ObjectId) -> str:
        """By the conditions of its Gateway."""
        return conditions.waypoint_misses(self.read(named).tree)

    def binding_misses(self, named: ObjectId) -> str:
        """By what istiod says of the service."""
        return conditions.binding_misses(self.read(named).tree)

    def acceptance_misses(self, named: ObjectId) -> str:
        """By what istiod says of the policy."""
        return conditions.acceptance_misses(self.read(named).tree)

    def measure(self, query: Query, seconds: float) -> float | None:
        """By whoever measures."""
        return self._measure(query, seconds)

    def answer(self, probe: Probe) -> str:
        """By whoever asks; else it cannot be told."""
        return self._asker(probe)

    def pods(self, namespace: str, chosen: looks.Selector | None) -> list[Tree]:
        """Those that a selector finds, page by page."""
        place = self._places.of("v1", POD.name)
        selector = chosen.query() if chosen is not None else ""
        found: list[Tree] = []
        more = ""
        while True:
            given = (("limit", _PAGE), ("labelSelector", selector), ("continue", more))
            params = tuple((key, value) for key, value in given if value)
            told = self._server.demand(Ask("GET", place.collection(namespace), params), f"pods of {namespace}")
            found += told.get("items") or []
            more = (told.get("metadata") or {}).get("continue") or ""
            if not more:
                return found

    def _written(self, ask: Ask, named: ObjectId) -> Tree:
        self._may_write()
        return self._server.demand(ask, str(named))

    def _path(self, named: ObjectId) -> str:
        return self._places.of(named.api_version, named.kind).path(named)


def version_of(tree: Tree) -> Version:
    """The version of an object that is there."""
    return Version(str(tree["metadata"]["resourceVersion"]))


def cluster_identity(server: Server) -> str:
    """What tells a cluster from every other one: the uid of its `kube-system`, by which the whole field knows it.

    Raises:
        WorldError: it may not be read.
        TransportError: the server cannot be asked.
    """
    found = server.demand(Ask("GET", "/api/v1/namespaces/kube-system"), "Namespace kube-system")
    return str(found["metadata"]["uid"])
