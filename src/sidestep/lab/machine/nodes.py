"""Nodes: a namespace, a proxy and an agent each."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from sidestep.errors import WorldError
from sidestep.lab.agent.messages import Birth
from sidestep.lab.cluster.addresses import Pair, Pool, pods_of
from sidestep.lab.machine.agents import AgentLine
from sidestep.lab.machine.nursery import Nursery
from sidestep.lab.machine.processes import Processes, Program
from sidestep.lab.machine.scratch import Scratch
from sidestep.lab.machine.settings import NodeSettings
from sidestep.lab.machine.zds import Zds
from sidestep.lab.net.fabric import Fabric, Node
from sidestep.lab.net.pod import PodNet

AGENT = "agent"


class NodeUp:
    """A node that is up.

    Args:
        name: of the node.
        address: its own.
        net: its namespace.
        agent: the line to its agent.
        pool: addresses of its pods.
    """

    def __init__(self, name: str, address: Pair, net: Node, agent: AgentLine, pool: Pool) -> None:
        self.name, self.address, self.net, self.agent = name, address, net, agent
        self.zds: Zds | None = None
        """By which its ztunnel hears of pods, if that is its proxy."""
        self.looks = asyncio.Lock()
        """Held by the pod that looks whether the node's proxy listens in it."""
        self._pool = pool

    def take(self) -> Pair:
        """Addresses for a pod."""
        return self._pool.take()

    def give_back(self, net: PodNet) -> None:
        """Addresses of a pod that is gone."""
        self._pool.give_back(net.address.ipv4)


def make(fabric: Fabric, number: int, settings: NodeSettings, address: Pair, line: AgentLine) -> NodeUp:
    """A node's namespace, with room for its pods.

    Args:
        fabric: that it hangs on.
        number: of the node.
        settings: its name and place.
        address: its own.
        line: to its agent.
    """
    networks = pods_of(number)
    net = fabric.add_node(settings.name, address, networks, settings.zone)
    return NodeUp(settings.name, address, net, line, Pool(networks, f"pods of node {settings.name}"))


async def run_agent(node: NodeUp, scratch: Scratch, processes: Processes, nursery: Nursery) -> None:
    """Start the node's agent within the node.

    Raises:
        WorldError: it cannot be started.
    """
    told = ("--node", node.name, "--socket", str(agent_socket(scratch.node(node.name))), "--logs", str(scratch.logs))
    log = scratch.logs / f"agent-{node.name}.log"
    birth = Birth(told, node.net.path, str(log))
    try:
        await processes.start(Program(f"{AGENT}/{node.name}", told, log, forked=lambda: nursery.bear(birth)))
    except OSError as error:
        why = error.strerror or str(error)
        raise WorldError(f"node {node.name} has no agent: {why}", where=str(error.filename or log)) from error


def agent_socket(folder: Path) -> Path:
    """Where a node's agent finds the machine."""
    return folder / "agent.sock"


async def serve_zds(node: NodeUp, scratch: Scratch, say: Callable[[str, str], None]) -> None:
    """Have a ztunnel of the node hear of its pods."""
    node.zds = Zds(scratch.node(node.name) / "zds.sock", lambda what: say(f"node {node.name}", what))
    await node.zds.listen()
