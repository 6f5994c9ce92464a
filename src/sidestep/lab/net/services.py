"""kube-proxy's role: what is dialled at a service's address goes to one of its endpoints.

One map from address, protocol and port to a chain of the service. Only what changed is told to the kernel: 20 ms for
one among thousands instead of half a second for all (lab.md §5). A service without endpoints refuses at once; all such
share a chain, for with each change the kernel looks through all chains.
"""

from collections.abc import Iterable, Iterator, Sequence

from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.cluster.services import Backend
from sidestep.lab.net.nft import Nft

_Key = tuple[str, str, int]
_PART, _SERVICE = 1_000, 5
"""How much is told at a time, counted in endpoints, and how many a service with some is worth besides."""
_NOBODY = 0
"""The chain of services without endpoints."""
_FAMILIES = (("ip", "vips4", "own4", "ipv4_addr"), ("ip6", "vips6", "own6", "ipv6_addr"))


def _table(node: Pair) -> str:
    sets = "".join(
        f" map {vips} {{\n  type {kind} . inet_proto . inet_service : verdict\n }}\n"
        f" set {own} {{\n  type {kind} . {kind}\n }}\n"
        for _, vips, own, kind in _FAMILIES
    )
    dialled = "".join(f"  {family} daddr . meta l4proto . th dport vmap @{vips}\n" for family, vips, _, _ in _FAMILIES)
    back = "".join(
        f"  {family} saddr . {family} daddr @{own} snat {family} to {address}\n"
        for (family, _, own, _), address in zip(_FAMILIES, (node.ipv4, node.ipv6), strict=True)
    )
    return (
        f"table inet services {{\n{sets}"
        f" chain s{_NOBODY} {{\n  meta l4proto tcp reject with tcp reset\n  reject\n }}\n"
        f" chain from_pods {{\n  type nat hook prerouting priority -100; policy accept;\n{dialled} }}\n"
        f" chain from_node {{\n  type nat hook output priority -100; policy accept;\n{dialled} }}\n"
        f" chain back_to_oneself {{\n  type nat hook postrouting priority 100; policy accept;\n{back} }}\n}}\n"
    )


class Services:
    """The services that one node knows.

    Args:
        nft: the node's tables.
        node: its addresses, from which a pod hears itself when it dials its own service.
    """

    def __init__(self, nft: Nft, node: Pair) -> None:
        self._nft = nft
        self._known: dict[_Key, Backend] = {}
        self._chains: dict[_Key, int] = {}
        self._last = 0
        self._own: set[str] = set()
        nft.run(_table(node))

    def follow(self, table: Sequence[Backend]) -> None:
        """Make the kernel's table this one; nothing is told that it knows.

        Each service changes at once, and small tables do so as a whole. Large ones are told in parts, for the kernel
        takes only some 400 KiB at a time from an ordinary user.

        Raises:
            UsageError: the kernel refuses a part; those before it hold, and the next table is told what it lacks.
        """
        wanted = {(each.address, each.protocol, each.port): each for each in table}
        own = {address for each in wanted.values() for address, _ in each.targets}
        changes: list[tuple[_Key, Backend | None]] = [
            (key, each) for key, each in wanted.items() if self._known.get(key) != each
        ]
        changes += [(key, None) for key in self._known if key not in wanted]
        if not changes:
            return
        for part in _parts(changes):
            self._tell(part, own)

    def _tell(self, changes: Sequence[tuple[_Key, Backend | None]], own: set[str]) -> None:
        """One transaction."""
        known, chains = dict(self._known), dict(self._chains)
        commands: list[str] = []
        for key, backend in changes:
            if backend is None:
                commands += _removed(key, chains.pop(key))
                del known[key]
            else:
                commands += self._changed(backend, chains)
                known[key] = backend
        come = {address for _, each in changes if each for address, _ in each.targets} - self._own
        gone = {address for key, _ in changes if key in self._known for address, _ in self._known[key].targets} - own
        gone &= self._own
        commands += [*_elements("add", come), *_elements("delete", gone)]
        self._nft.run("\n".join(commands) + "\n")
        self._known, self._chains, self._own = known, chains, (self._own | come) - gone

    def _changed(self, backend: Backend, chains: dict[_Key, int]) -> list[str]:
        key = (backend.address, backend.protocol, backend.port)
        number = chains.get(key)
        if number and backend.targets:
            return [f"flush chain inet services s{number}", f"add rule inet services s{number} {_rule(backend)}"]
        if number == _NOBODY and not backend.targets:
            return []
        before = _removed(key, number) if number is not None else []
        self._last += 1
        chains[key] = self._last if backend.targets else _NOBODY
        return [*before, *_added(key, chains[key], backend)]


def _parts(changes: Sequence[tuple[_Key, Backend | None]]) -> Iterator[list[tuple[_Key, Backend | None]]]:
    part: list[tuple[_Key, Backend | None]] = []
    size = 0
    for change in changes:
        backend = change[1]
        size += _SERVICE + len(backend.targets) if backend and backend.targets else 1
        part.append(change)
        if size >= _PART:
            yield part
            part, size = [], 0
    if part:
        yield part


def _added(key: _Key, number: int, backend: Backend) -> list[str]:
    element = f"add element inet services {_element(key)} : goto s{number} }}"
    if number == _NOBODY:
        return [element]
    return [
        f"add chain inet services s{number}",
        f"add rule inet services s{number} {_rule(backend)}",
        element,
    ]


def _removed(key: _Key, number: int) -> list[str]:
    element = f"delete element inet services {_element(key)} }}"
    if number == _NOBODY:
        return [element]
    return [element, f"flush chain inet services s{number}", f"delete chain inet services s{number}"]


def _element(key: _Key) -> str:
    address, protocol, port = key
    return f"{'vips6' if ':' in address else 'vips4'} {{ {address} . {protocol.lower()} . {port}"


def _elements(verb: str, addresses: Iterable[str]) -> list[str]:
    return [
        f"{verb} element inet services {'own6' if ':' in each else 'own4'} {{ {each} . {each} }}"
        for each in sorted(addresses)
    ]


def _rule(backend: Backend) -> str:
    family = "ip6" if ":" in backend.address else "ip"
    protocol = backend.protocol.lower()
    if len(backend.targets) == 1:
        address, port = backend.targets[0]
        target = f"[{address}]:{port}" if family == "ip6" else f"{address}:{port}"
        return f"meta l4proto {protocol} dnat {family} to {target}"
    chosen = f"jhash {family} saddr mod" if backend.sticky else "numgen random mod"
    elements = ", ".join(f"{number} : {address} . {port}" for number, (address, port) in enumerate(backend.targets))
    return f"meta l4proto {protocol} dnat {family} to {chosen} {len(backend.targets)} map {{ {elements} }}"
