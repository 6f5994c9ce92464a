"""Where proxies live, and so which there are: a token that was carried elsewhere is of no use."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from sidestep.controlplane.index import Index
from sidestep.controlplane.records import WorkloadUid, proxy_name
from sidestep.controlplane.registry.held import NODE
from sidestep.controlplane.registry.registry import Change
from sidestep.controlplane.tokens import Proxy
from sidestep.semantics.loose import as_dict, as_dicts


class Homes:
    """Addresses of proxies: of nodes, and of pods that have one.

    Args:
        on_nodes: role of nodes' proxies.
    """

    def __init__(self, on_nodes: str) -> None:
        self._on_nodes = on_nodes
        self._nodes: dict[Proxy, frozenset[str]] = {}
        self._pods: dict[Proxy, frozenset[str]] = {}
        self._proxy_of: dict[WorkloadUid, Proxy] = {}

    def notice(self, batch: Iterable[Change]) -> None:
        """Hear of nodes."""
        for change in batch:
            if change.ref.kind == NODE:
                proxy = Proxy(self._on_nodes, change.ref.name)
                if change.tree is None:
                    self._nodes.pop(proxy, None)
                else:
                    self._nodes[proxy] = _addresses(change.tree)

    def move(self, index: Index, workloads: Iterable[WorkloadUid]) -> None:
        """Hear of workloads that changed."""
        for uid in workloads:
            before = self._proxy_of.pop(uid, None)
            if before is not None:
                self._pods.pop(before, None)
            workload = index.workloads.get(uid)
            if workload is not None and workload.proxy is not None:
                proxy = Proxy(workload.proxy.value, proxy_name(workload))
                self._proxy_of[uid], self._pods[proxy] = proxy, frozenset(workload.addresses)

    @property
    def proxies(self) -> frozenset[Proxy]:
        """All that there are."""
        return frozenset(self._nodes | self._pods)

    def at_home(self, proxy: Proxy, address: str) -> bool:
        """Whether a proxy may come from an address; an empty one is that of a socket with a path."""
        own = self._nodes.get(proxy) or self._pods.get(proxy)
        return own is not None and (not address or _plain(address) in own)


def _plain(address: str) -> str:
    """An IPv4 address that came through a socket for both families, as itself."""
    parsed = ip_address(address)
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _addresses(node: Mapping[str, object]) -> frozenset[str]:
    rows = as_dicts(as_dict(node.get("status")).get("addresses"))
    return frozenset(str(row["address"]) for row in rows if row.get("type") == "InternalIP")
