"""All proxies that are connected, and what becomes of a change: made again once, told to whom it concerns."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from time import monotonic

from msgspec import Struct

from sidestep.controlplane.ads.catalogue import Catalogue, Key
from sidestep.controlplane.ads.entries import Entry
from sidestep.controlplane.ads.secrets import Secrets
from sidestep.controlplane.ads.session import Rejection, Session
from sidestep.controlplane.generators import (
    ADDRESS,
    AUTHORIZATION,
    CLUSTER,
    CREDENTIALS,
    LISTENER,
    SCOPED_ROUTES,
    SECRET,
    Generator,
    Remarking,
)
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import Dirty
from sidestep.controlplane.tokens import Proxy
from sidestep.controlplane.unmet import unmet
from sidestep.controlplane.wds.demand import Demand

_KEPT = 1000


class Finding(Struct, frozen=True):
    """A proxy did not take what it was sent.

    Attributes:
        at: when.
        rejection: what.
        objects: from which it was made, with the fields, in words.
    """

    at: float
    rejection: Rejection
    objects: tuple[str, ...] = ()


class Metrics:
    """What was done since the control plane began."""

    def __init__(self) -> None:
        self.streams = 0
        self.responses = 0
        self.bytes = 0
        self.changes = 0
        self.rejections = 0
        self.refused = 0
        self.convergence: deque[float] = deque(maxlen=_KEPT)
        """Seconds from a change until a proxy had acknowledged it, one for each proxy and change."""


class Connection:
    """One proxy's stream.

    Args:
        proxy: whose.
        session: what it knows.
        metrics: to count in.
        wake: called when there may be something to say.
        group: that it belongs to.
    """

    def __init__(
        self, proxy: Proxy, session: Session, metrics: Metrics, wake: Callable[[], None], group: str = ""
    ) -> None:
        self.proxy, self.session, self.group = proxy, session, group
        self.wake = wake
        self._metrics = metrics
        self._since: float | None = None

    def touch(self, keys: Iterable[Key]) -> None:
        """Something may have changed."""
        if sum([self.session.touch(key) for key in keys]):
            self._since = self._since or monotonic()
            self.wake()

    def say(self) -> bytes | None:
        """The next response, if there is one."""
        said = self.session.say()
        if said is not None:
            self._metrics.responses += 1
            self._metrics.bytes += len(said)
        else:
            self.converge()
        return said

    def converge(self) -> None:
        """Remember how long the last change took, once the proxy has acknowledged it."""
        if self._since is not None and self.session.settled:
            self._metrics.convergence.append(monotonic() - self._since)
            self._since = None


class Plane:
    """The control plane without its network.

    Args:
        index: the records; nobody else changes them from now on.
        generators: by role of proxies.
        secrets: certificates; it hears of changes from here.
    """

    def __init__(self, index: Index, generators: Mapping[str, Generator], secrets: Secrets) -> None:
        self.index, self.secrets = index, secrets
        self.metrics = Metrics()
        self.findings: deque[Finding] = deque(maxlen=_KEPT)
        self.connections: set[Connection] = set()
        self._generators = generators
        self._remarking = [each for each in generators.values() if isinstance(each, Remarking)]
        self._catalogues = {role: Catalogue(generator, index) for role, generator in generators.items()}
        everybody = Dirty(workloads=frozenset(index.workloads))
        for _ in secrets.renew(everybody):
            pass
        for catalogue in self._catalogues.values():
            catalogue.fill()

    def open(self, proxy: Proxy, wake: Callable[[], None]) -> Connection:
        """A proxy has connected."""
        demand = Demand(self.index, proxy.name)
        group = self._generators[proxy.role].group(self.index, proxy.name)
        source = _Source(self._catalogues[proxy.role], self.secrets, self.connections, proxy, demand, group)
        connection = Connection(proxy, Session(proxy.name, source, group), self.metrics, wake, group)
        self.connections.add(connection)
        self.metrics.streams += 1
        return connection

    def close(self, connection: Connection) -> None:
        """A proxy has gone."""
        self.connections.discard(connection)
        connection.session.end()

    def change(self, changes: Changes) -> Dirty:
        """Take new records in, and tell whom they concern."""
        dirty = self.index.apply(changes)
        if dirty:
            self.metrics.changes += 1
            secrets = list(self.secrets.renew(dirty))
            for role, catalogue in self._catalogues.items():
                self._tell([*catalogue.renew(dirty), *secrets], role)
        return dirty

    def renew_certificates(self) -> int:
        """Give proxies new certificates for those that are due; how many."""
        due = list(self.secrets.overdue())
        self._tell(due)
        return len(due)

    def skew(self, proxy: str, by: timedelta) -> int:
        """Give a proxy certificates of a wrong clock from now on, or right ones again; how many."""
        due = list(self.secrets.skew(proxy, by))
        self._tell(due)
        return len(due)

    def trust_changed(self) -> None:
        """Who signs or who is trusted is another now."""
        self._tell(list(self.secrets.everything()))

    def hear(self, connection: Connection, rejection: Rejection | None, at: float) -> None:
        """Remember what a proxy did not take."""
        if rejection is not None:
            self.metrics.rejections += 1
            self.findings.append(Finding(at, rejection, self._objects(connection, rejection)))
        if connection.session.silent:
            connection.converge()
        else:
            connection.wake()

    def _objects(self, connection: Connection, rejection: Rejection) -> tuple[str, ...]:
        catalogue, places = self._catalogues[connection.proxy.role], (connection.proxy.name, connection.group)
        found = (catalogue.made_of(rejection.type_url, name, *places) for name in rejection.names)
        return tuple(dict.fromkeys(each for objects in found for each in objects))

    @property
    def settled(self) -> bool:
        """Whether all proxies have acknowledged everything."""
        return all(each.session.settled for each in self.connections)

    def remarks(self) -> list[str]:
        """What of objects proxies were not told or do not take, because it cannot be: each by object and field."""
        every = (each for generator in self._remarking for told in generator.remarks.values() for each in told)
        rejected = (self._said(each, told) for each in self.connections for told in each.session.rejected())
        malformed = (f"{ref.kind} {ref.namespace}/{ref.name}: {why}" for ref, why in self.index.live.malformed.items())
        return sorted({*map(str, every), *malformed, *rejected, *unmet(self.index.mesh())})

    def _said(self, connection: Connection, told: Rejection) -> str:
        where = "; ".join(self._objects(connection, told)) or ", ".join(told.names)
        return f"{where}: {told.proxy} does not take it: {told.reason}"

    def entries(self, proxy: Proxy) -> Iterator[tuple[str, str, Entry]]:
        """What a connected proxy has: types, names, contents. Secrets apart: nobody is shown a key."""
        for connection in self.connections:
            if connection.proxy == proxy:
                for type_url, name, _ in connection.session.held():
                    entry = self._catalogues[proxy.role].find(type_url, name, proxy.name, connection.group)
                    if type_url != SECRET and entry is not None:
                        yield type_url, name, entry

    def _tell(self, keys: list[Key], role: str = "") -> None:
        if keys:
            for connection in self.connections:
                if role in ("", connection.proxy.role):
                    connection.touch(keys)


class _Source(Struct, frozen=True):
    """What a session finds. One proxy may have two streams for a while: only what none asks for is forgotten."""

    catalogue: Catalogue
    secrets: Secrets
    connections: set[Connection]
    proxy: Proxy
    demand: Demand
    group: str

    def everything(self, type_url: str, proxy: str) -> Iterable[str] | None:
        return self.catalogue.everything(type_url, proxy, self.group) if type_url in _TAKEN_WHOLE else None

    def wanted_by_all(self, key: Key) -> bool:
        return self.catalogue.for_everybody(key)

    def find(self, key: Key, held: str) -> Entry | None:
        if _is_own(key):
            return self.secrets.find(key, held)
        return self.catalogue.find(*key, self.group)

    def meant(self, type_url: str, name: str) -> Iterable[str]:
        return self.demand.meant(name) if type_url == ADDRESS else ()

    def asked_as(self, key: Key) -> Iterable[str]:
        return self.demand.asked_as(key.name) if key.type_url == ADDRESS else ()

    def forget(self, key: Key) -> None:
        asking = [each for each in self.connections if each.session.asks(key.type_url, key.name)]
        askers = {each.proxy for each in asking}
        if _is_own(key):
            if key.proxy not in {each.name for each in askers}:
                self.secrets.forget(key)
            return
        if self.proxy not in askers:
            self.catalogue.forget(key)
        of_role = {each.group for each in asking if each.proxy.role == self.proxy.role}
        if self.group and self.group not in of_role:
            self.catalogue.forget(key._replace(proxy=self.group))
        if not of_role:
            self.catalogue.forget(key._replace(proxy=""))


_TAKEN_WHOLE = frozenset({CLUSTER, LISTENER, SCOPED_ROUTES, AUTHORIZATION, ADDRESS})
"""Types of which a proxy gets everything when it names nothing."""


def _is_own(key: Key) -> bool:
    """Whether it is a certificate or a root of the mesh, and no Secret of the cluster."""
    return key.type_url == SECRET and not key.name.startswith(CREDENTIALS)
