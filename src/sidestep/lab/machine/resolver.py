"""The cluster's DNS server: one agent is it, for all pods whose questions are not captured."""

from sidestep.lab.agent.messages import ServeDns
from sidestep.lab.cluster.addresses import DNS
from sidestep.lab.cluster.names import DOMAIN
from sidestep.lab.cluster.services import Backend
from sidestep.lab.dns.names import cluster_first, resolv_conf
from sidestep.lab.machine.nodes import NodeUp
from sidestep.lab.machine.scratch import Scratch

_PORT = 53


def dns_backends(server: str) -> tuple[Backend, ...]:
    """What is dialled at the address that every pod's resolv.conf has."""
    return tuple(Backend(DNS, protocol, _PORT, ((server, _PORT),)) for protocol in ("UDP", "TCP"))


async def serve_dns(node: NodeUp) -> None:
    """Have a node's agent answer at the node's own address.

    Raises:
        SidestepError: it cannot.
    """
    await node.agent.do(ServeDns(0, (node.address.ipv4,), domain=DOMAIN))


def write_resolv_conf(scratch: Scratch, namespace: str) -> str:
    """The file that commands in pods of a namespace find; its path."""
    path = scratch.root / f"resolv-{namespace}.conf"
    if not path.exists():
        path.write_text(resolv_conf(cluster_first(namespace, DNS, DOMAIN)), encoding="ascii")
    return str(path)
