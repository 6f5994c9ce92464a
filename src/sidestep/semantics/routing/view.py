"""What one client's sidecar knows: its scope, the hosts in it, and the routes that it gets for each."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from sidestep.semantics.routing.bounds import Bounds
from sidestep.semantics.routing.exports import visible
from sidestep.semantics.routing.hosts import Host, bare_authority, is_address, is_wildcard, service_host, within
from sidestep.semantics.routing.rule import Bound
from sidestep.semantics.routing.sidecars import Listener, Scope


class Registry:
    """All hosts, by name and by port, with who sees them."""

    def __init__(self, hosts: Mapping[str, Host], exported: Mapping[str, frozenset[str]], domain: str) -> None:
        self.hosts = hosts
        self.domain = domain
        self._exported = exported
        self.public = all(visible(each, "") for each in exported.values())
        """Whether every namespace sees every host."""
        self.plain: dict[tuple[str, int], Host] = {}
        """As `View.plain`, for authorities that mean the same to everybody who sees all hosts."""
        self._on_port: dict[int, list[Host]] = {}
        self._wildcards = [host for host in hosts.values() if is_wildcard(host.name)]
        self._wildcards.sort(key=lambda host: (-len(host.name), host.name))
        for host in hosts.values():
            for port in host.ports:
                if port.may_be_http:
                    self._on_port.setdefault(port.number, []).append(host)

    def exported_to(self, host: Host, namespace: str) -> bool:
        """Whether a namespace sees a host."""
        return visible(self._exported[host.name], namespace)

    def on_port(self, port: int) -> list[Host]:
        """Hosts on which HTTP may be spoken on a port."""
        return self._on_port.get(port, [])

    def wildcards(self, name: str) -> list[Host]:
        """Hosts that open with a star and cover a name, the longest first."""
        return [host for host in self._wildcards if within(name, host.name)]


class View:
    """One scope as seen from one namespace on one listener; answers are kept, because they are asked again."""

    def __init__(self, registry: Registry, bounds: Bounds, scope: Scope, listener: Listener, namespace: str) -> None:
        self.scope = scope
        self.namespace = namespace
        self._registry = registry
        self._bounds = bounds
        self._listener = listener
        self._candidates: dict[str, list[Bound]] = {}
        self._streams: dict[str, list[Bound]] = {}
        self._listens: dict[int, bool] = {}
        self.plain: dict[tuple[str, int], Host] = {}
        """Authorities that mean a service on a port, and that no object names by that very text."""
        self._covered: dict[tuple[str, int], bool] = {}
        self._all = scope.imports_all and registry.public

    def known(self, authority: str, port: int) -> Host | None:
        """The service that an authority means, where that was found before."""
        return self.plain.get((authority, port)) or (self._registry.plain.get((authority, port)) if self._all else None)

    def know(self, authority: str, port: int, service: Host) -> None:
        """Keep what an authority means that no object names: for all namespaces, unless it is a short name."""
        name = bare_authority(authority)
        everywhere = self._all and "." in name.rstrip(".") and self._bounds.silent(name)
        (self._registry.plain if everywhere else self.plain)[authority, port] = service

    def sees(self, host: Host, port: int = 0) -> bool:
        """Whether the listener imports a host, and on a port where it is asked for one."""
        if not self._registry.exported_to(host, self.namespace):
            return False
        if self._listener.matches_port and host.port(self._listener.port) is None:
            return False
        if port and host.port(port) is None:
            return False
        return self.scope.imports_all or self._listener.imports(host.name, host.namespace, self.namespace)

    def hosts(self) -> Iterable[Host]:
        """All hosts, seen or not."""
        return self._registry.hosts.values()

    def short_names(self, host: Host) -> Iterator[str]:
        """What else a Service is called in the client's namespace."""
        if host.kind == "Service":
            full = host.name.removesuffix(f".{self._registry.domain}")
            yield from (full, full.removesuffix(".svc"))
            if host.namespace == self.namespace:
                yield host.object_name

    def written(self) -> Iterator[str]:
        """Names that objects are written for."""
        return (name.lower() for name in self._bounds.names())

    def listens_for_http(self, port: int) -> bool:
        """Whether there is a listener that reads HTTP for all hosts of a port."""
        if port not in self._listens:
            self._listens[port] = any(
                (declared := host.port(port)) is not None and declared.is_http and self.sees(host)
                for host in self._registry.on_port(port)
            )
        return self._listens[port]

    def service(self, authority: str, port: int, dialled: Host | None, *, dotted: bool) -> Host | None:
        """The service whose virtual host an authority names; an address names the one that was dialled."""
        name = bare_authority(authority)
        if is_address(name):
            return dialled if dialled is not None and self._routes(dialled, port) else None
        names = [name, *self._expanded(name.removesuffix(".") if dotted else name)]
        if dotted and name.endswith("."):
            names.append(name[:-1])
        hosts = self._registry.hosts
        return next((hosts[each] for each in names if each in hosts and self._routes(hosts[each], port)), None)

    def _routes(self, host: Host, port: int) -> bool:
        return host.speaks_http(port) and self.sees(host)

    def _expanded(self, name: str) -> list[str]:
        """Full names that a short one stands for in the client's namespace."""
        parts = name.split(".")
        if len(parts) == 1:
            return [service_host(name, self.namespace, self._registry.domain)]
        if len(parts) == 2 or (len(parts) == 3 and parts[2] == "svc"):
            return [service_host(parts[0], parts[1], self._registry.domain)]
        return []

    def below(self, authority: str, port: int) -> Host | None:
        """The host that covers a name from above: a ServiceEntry's wildcard, or a headless Service's pods."""
        name = bare_authority(authority)
        for host in self._registry.wildcards(name):
            if self._routes(host, port):
                return host
        _, dot, parent = name.partition(".")
        if not dot:
            return None
        found = self.service(parent, port, None, dotted=False)
        return found if found is not None and found.headless else None

    def candidates(self, service: Host) -> list[Bound]:
        """Objects that may speak about a service, the first with a rule for the client wins.

        All with its very name; where there are none, the first with the longest wildcard that covers it.
        """
        if self._bounds.silent(service.name):
            return []
        if service.name not in self._candidates:
            self._candidates[service.name] = self._found(service)
        return self._candidates[service.name]

    def _found(self, service: Host) -> list[Bound]:
        exact = self._ranked(self._bounds.naming(service.name))
        if is_wildcard(service.name):
            return [] if not exact or exact[0].of_gateway_api else exact[:1]
        if exact:
            return [bound for bound in exact if self._may_speak(bound, service)]
        for _, bounds in self._bounds.covering(service.name):
            first = self._ranked(bounds)[:1]
            if first:
                return [bound for bound in first if not bound.of_gateway_api]
        return []

    def _may_speak(self, bound: Bound, service: Host) -> bool:
        """Gateway API routes hold for their Service's namespace (producer) or for their own (consumer)."""
        return not bound.of_gateway_api or bound.namespace in (service.namespace, self.namespace)

    def _ranked(self, bounds: list[Bound]) -> list[Bound]:
        if not bounds:
            return bounds
        seen = self._bounds.ranked(bounds, self.namespace, sidecar=True)
        return [bound for bound in seen if self._imports(bound)]

    def _imports(self, bound: Bound) -> bool:
        return self.scope.imports_all or self._listener.imports_routes(bound, self.namespace)

    def before(self, one: Bound, other: Bound) -> bool:
        """Whether the sidecar prefers one object to another."""
        ranks = [self._bounds.rank(bound, self.namespace, sidecar=True) for bound in (one, other)]
        return ranks[0] is not None and (ranks[1] is None or ranks[0] < ranks[1])

    def streams(self, service: Host) -> list[Bound]:
        """Objects that may speak about connections to a service: all with a host that overlaps."""
        if service.name not in self._streams:
            meeting = list({bound.order: bound for bound in self._bounds.meeting(service.name)}.values())
            self._streams[service.name] = self._ranked(meeting)
        return self._streams[service.name]

    def named_only(self, authority: str, port: int) -> list[Bound]:
        """VirtualServices with a virtual host of their own for a name that is no service."""
        found = self._ranked(self._bounds.naming(bare_authority(authority)))
        return [bound for bound in found if self._on_listener(bound, port)]

    def covering_only(self, authority: str, port: int, taken: Callable[[str], bool]) -> tuple[str, list[Bound]]:
        """VirtualServices whose wildcard covers a name and no service of the port, by the longest wildcard."""
        for pattern, bounds in self._bounds.covering(bare_authority(authority)):
            found = [bound for bound in self._ranked(bounds) if self._on_listener(bound, port)]
            if found and not taken(pattern):
                return pattern, found
        return "", []

    def _on_listener(self, bound: Bound, port: int) -> bool:
        """Names that are no service get a virtual host beside the object's services, or else on port 80."""
        if bound.of_gateway_api:
            return False
        return port == 80 or any(self._has_service(host, port) for host in bound.hosts)

    def _has_service(self, name: str, port: int) -> bool:
        if not is_wildcard(name):
            host = self._registry.hosts.get(name)
            return host is not None and self._routes(host, port)
        return self.covers_service(name, port)

    def covers_service(self, pattern: str, port: int) -> bool:
        """Whether a wildcard covers a service of a port."""
        key = (pattern, port)
        if key not in self._covered:
            on_port = self._registry.on_port(port)
            self._covered[key] = any(within(host.name, pattern) and self.sees(host) for host in on_port)
        return self._covered[key]
