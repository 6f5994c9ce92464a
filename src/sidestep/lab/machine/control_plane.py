"""The control plane's process and the nodes' proxies, as the machine sees them."""

from typing import Any

from sidestep.errors import WorldError
from sidestep.lab.cluster.addresses import Pair, pods_of
from sidestep.lab.machine.nodes import NodeUp
from sidestep.lab.machine.processes import Processes
from sidestep.lab.machine.scratch import Scratch
from sidestep.lab.machine.settings import Settings
from sidestep.lab.net.fabric import Fabric

NAME = "controlplane"
PORT = 15012
_NO_PODS = 2047
"""A number that no node has: where it lives there are no pods."""


class ControlPlane:
    """Starts the control plane and the proxies, and asks them.

    Args:
        fabric: that it hangs on.
        address: its own.
        scratch: the lab's folder.
        settings: of the lab.
        processes: of the lab.
    """

    def __init__(
        self, fabric: Fabric, address: Pair, scratch: Scratch, settings: Settings, processes: Processes
    ) -> None:
        self._net = fabric.add_node(NAME, address, pods_of(_NO_PODS))
        self._address, self._scratch, self._settings, self._processes = address, scratch, settings, processes

    async def start(self) -> None:
        """Start the control plane in its own namespace."""

    async def start_proxy(self, node: NodeUp) -> None:
        """Start a node's proxy within the node."""

    async def certificates(self) -> Any:
        """The certificates that proxies hold, without keys."""
        raise WorldError("no control plane runs")

    async def config_dump(self, node: str) -> Any:
        """What a node's proxy was told."""
        raise WorldError("no control plane runs", where=node)
