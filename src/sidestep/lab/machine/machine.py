"""The lab's first process: objects in the middle, and everything that follows them around it."""

import asyncio
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sidestep.controlplane.records import ProxyRole
from sidestep.errors import UsageError, WorldError
from sidestep.lab.agent.messages import Driven, Probed, Ready
from sidestep.lab.api.server import Handler, serve
from sidestep.lab.cluster.addresses import NODES, Pair, Pool
from sidestep.lab.cluster.control_loop import ControlLoop
from sidestep.lab.cluster.injection import Injection
from sidestep.lab.cluster.objects import Change, Ref, Store, Tree, Verb, ref_of
from sidestep.lab.cluster.statuses import lasting
from sidestep.lab.cluster.vips import Vips
from sidestep.lab.leash import follow
from sidestep.lab.machine.agents import AgentLine
from sidestep.lab.machine.autoscaling import Autoscaling
from sidestep.lab.machine.control_plane import PROXY, ControlPlane
from sidestep.lab.machine.driving import Driving
from sidestep.lab.machine.life import Life
from sidestep.lab.machine.logs import chosen, container_lines, last_words, part_lines
from sidestep.lab.machine.nodes import AGENT, NodeUp, agent_socket, make, run_agent, serve_zds
from sidestep.lab.machine.nursery import Nursery
from sidestep.lab.machine.orphans import bury
from sidestep.lab.machine.pod_proxy import Kit
from sidestep.lab.machine.pods import Pods
from sidestep.lab.machine.processes import Processes, Program
from sidestep.lab.machine.resolver import dns_backends, serve_dns, write_resolv_conf
from sidestep.lab.machine.sayings import Sayings
from sidestep.lab.machine.scratch import Scratch
from sidestep.lab.machine.services import ServiceTables
from sidestep.lab.machine.settings import NodeSettings, Settings
from sidestep.lab.machine.surroundings import Surroundings
from sidestep.lab.machine.telemetry import Telemetry
from sidestep.lab.machine.verification import Subject, verify
from sidestep.lab.net.fabric import Fabric
from sidestep.lab.net.namespaces import enter
from sidestep.model.kinds import NAMESPACE, NODE
from sidestep.semantics.proxies import PROXY as CONTAINER

_LOOK_AFTER_FOLDER = 1.0


class Machine:
    """A lab, from its first process.

    Args:
        settings: how it is brought up.
        scratch: its folder.
    """

    def __init__(self, settings: Settings, scratch: Scratch) -> None:
        self.settings, self.scratch = settings, scratch
        self.store = Store(self.now)
        self.said = Sayings()
        self.processes = Processes(self._ended, lambda name, why: self.say(name, f"cannot be started again: {why}"))
        self.nodes: dict[str, NodeUp] = {}
        self._nursery = Nursery(scratch.logs / "nursery.log")
        injection = Injection(self.store)
        self._loop = ControlLoop(self.store, self.now, lambda: injection.image)
        self._vips = Vips(self.store)
        self._fabric = Fabric(scratch.namespaces, settings.delay, settings.loss)
        self._addresses = Pool(NODES, "nodes")
        self._over = asyncio.Event()
        self._settling = False
        self.begun = False
        self.rested_at = -1
        """Number of the change after which everything was last seen to be as wanted."""
        self.told = 0
        """Number of the last change that the control plane was told."""
        self.control_plane = ControlPlane(self._fabric, self._addresses.take(), scratch, settings, self.processes)
        kit = Kit(self.control_plane, self.processes, scratch, settings.envoy, settings.concurrency)
        self.pods = Pods(Surroundings(self.store, self.nodes, kit, injection, say=self.say, now=self.now))
        self.tables = ServiceTables(self.store, self.nodes)
        self.driving = Driving(self.store, self._line_of, self.say)
        self._autoscaling = Autoscaling(self.store, self.pods, self.processes)
        self.telemetry = Telemetry(scratch, self.processes, self.control_plane.ask, self.pods.logs)
        self.store.listen(self._settle_soon)
        self.store.listen(self._make_namespace)

    def now(self) -> str:
        """The time as RFC 3339."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def say(self, who: str, what: str) -> None:
        """Keep a sentence that users should know."""
        if self.said.say(who, what, self.now()):
            _log(f"{who}: {what}")

    def end(self) -> None:
        """Stop; what was started dies with this process."""
        self._over.set()

    async def run(self, handle: Handler) -> None:
        """Bring everything up, and stay until it is enough.

        Args:
            handle: answers who asks at the lab's socket.
        """
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.end)
        follow(self.end)
        server = await serve(self.scratch.socket, handle)
        counting = self.telemetry.run(self.nodes.copy)
        lasting_work = (bury(), self._look_after_folder(), counting, self._autoscaling.run())
        aside = [asyncio.create_task(each) for each in lasting_work]
        coming, over = asyncio.create_task(self._come_up()), asyncio.create_task(self._over.wait())
        await asyncio.wait((coming, over), return_when=asyncio.FIRST_COMPLETED)
        if coming.done():
            coming.result()
            await over
        for task in (coming, *aside):
            task.cancel()
        server.close()

    async def _come_up(self) -> None:
        await self._nursery.prepare()
        if self._fabric.wire:
            log = self.scratch.logs / "wire.log"
            await self.processes.start(Program("wire", self._fabric.wire, log, enter(self._fabric.namespace)))
        await self.control_plane.start()
        for number, node in enumerate(self.settings.nodes):
            await self._add_node(number, node)
        for tree in self.settings.objects:
            self._put(tree)
        await asyncio.gather(*map(self._run_node, self.nodes.values()))
        self.begun = True
        _log("up")

    async def _look_after_folder(self) -> None:
        """Nobody could speak to a lab whose folder was removed: it ends."""
        own = self.scratch.socket.stat().st_ino
        while _number(self.scratch.socket) == own:  # noqa: ASYNC110 - nobody else would tell us
            await asyncio.sleep(_LOOK_AFTER_FOLDER)
        self.end()

    async def _add_node(self, number: int, settings: NodeSettings) -> None:
        line = AgentLine(
            agent_socket(self.scratch.node(settings.name)), self._heard, lambda: self._greeted(settings.name)
        )
        self.scratch.node(settings.name).mkdir(mode=0o700, parents=True, exist_ok=True)
        node = make(self._fabric, number, settings, self._addresses.take(), line)
        await line.listen()
        if self.settings.ztunnel:
            await serve_zds(node, self.scratch, self.say)
        if not self.nodes:
            self.tables.fix(dns_backends(node.address.ipv4))
        self.nodes[settings.name] = node
        self.pods.know(settings.name)
        self.store.put(_node_object(settings, node.address))

    async def _run_node(self, node: NodeUp) -> None:
        """Its proxy comes after pods that are there by now: to be told of all together takes it half of the time."""
        await run_agent(node, self.scratch, self.processes, self._nursery)
        await self.control_plane.start_proxy(node)

    def _ended(self, name: str, code: int, again: bool) -> None:
        why = last_words(self.scratch, name)
        if again or code:
            self.say(name, f"ended with code {code}{' and is started again' if again else ''}{why and f': {why}'}")
        kind, _, node = name.partition("/")
        if kind == AGENT:
            self.pods.forgotten(node)
        elif kind in list(ProxyRole):
            self.pods.failed(*node.split("/"))

    def _greeted(self, name: str) -> None:
        node = self.nodes[name]
        self.tables.greet(node)
        if node is next(iter(self.nodes.values())):
            self._dns = asyncio.create_task(serve_dns(node))

    def _put(self, tree: Tree) -> None:
        try:
            self.store.put(tree)
        except (UsageError, WorldError) as error:
            self.say(str(tree.get("kind", "object")), error.message)

    def _settle_soon(self, _: Change) -> None:
        if not self._settling:
            self._settling = True
            asyncio.get_running_loop().call_soon(self._settle)

    def _settle(self) -> None:
        self._settling = False
        self._loop.settle()

    def _make_namespace(self, change: Change) -> None:
        namespace = Ref(NAMESPACE.key, "", change.ref.namespace)
        if change.verb is Verb.ADDED and change.ref.namespace and self.store.get(namespace) is None:
            self.store.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": change.ref.namespace}})

    def leaving(self, tree: Tree) -> None:
        """Mark a pod as one that ends."""
        tree["metadata"].setdefault("deletionTimestamp", self.now())

    def pod(self, name: str) -> Life:
        """The pod of a name: `namespace/name`, or the beginning of it where only one is meant.

        Raises:
            WorldError: there is none, or more than one might be meant.
        """
        found = self.pods.named(name)
        if len(found) == 1:
            return found[0]
        raise WorldError(
            f"{len(found)} pods might be meant" if found else "there is no such pod",
            where=name,
            remedy="name it as namespace/pod; see `sidestep lab ls pods -A`",
        )

    def _heard(self, event: Ready | Probed | Driven) -> None:
        if isinstance(event, Driven):
            self.driving.heard(event)
        else:
            self.pods.told(event)

    def _line_of(self, pod: Ref) -> AgentLine | None:
        life = self.pods.at(pod)
        return life.node.agent if life is not None and life.node is not None else None

    def agent_of(self, life: Life) -> AgentLine:
        """The agent of a pod's node.

        Raises:
            WorldError: the pod has no place yet.
        """
        if life.node is None:
            raise WorldError("the pod does not run yet", where=str(life.ref))
        return life.node.agent

    def log(self, name: str, container: str, most: int) -> list[str]:
        """The last lines that a process of the lab or a pod's containers wrote.

        Raises:
            WorldError: there is none of that name.
        """
        lines = part_lines(self.scratch, name, most)
        if lines is not None:
            return lines
        role, _, pod_name = name.partition("/")
        if role in list(ProxyRole):
            name, container = pod_name, CONTAINER
        life = self.pod(name)
        containers = lasting(self.store.get(life.ref) or {})
        return container_lines(self.scratch, life.uid, chosen(containers, container, str(life.ref)), most)

    def entrance(self, name: str) -> dict[str, str]:
        """What a command needs to run in a pod."""
        life = self.pod(name)
        if life.net is None:
            raise WorldError("the pod does not run yet", where=str(life.ref))
        resolv = write_resolv_conf(self.scratch, life.ref.namespace)
        return {"descriptor": str(life.net.namespace.fd), "resolv": resolv, "name": str(life.ref)}

    async def certificates(self) -> Any:
        """The certificates that proxies hold, without keys."""
        return await self.control_plane.ask("certs")

    async def config_dump(self, name: str) -> Any:
        """What the proxy of a node, or of a pod, was told.

        Raises:
            WorldError: there is none of that name, or the pod has no proxy.
        """
        if name in self.nodes:
            return await self.control_plane.ask("config-dump", node=name)
        life = self.pod(name)
        if life.proxy is None:
            remedy = "name a pod with a sidecar, a waypoint, a gateway, or a node"
            raise WorldError("the pod has no proxy of its own", where=str(life.ref), remedy=remedy)
        return await self.control_plane.ask("config-dump", node=f"{life.ref.namespace}/{life.ref.name}")

    def crossed(self) -> list[dict[str, Any]]:
        """Bytes that went from one zone to another until now."""
        return [{"from": one, "to": other, "bytes": count} for (one, other), count in self._fabric.crossed().items()]

    def node(self, name: str) -> NodeUp:
        """A node.

        Raises:
            WorldError: there is none of that name.
        """
        if name not in self.nodes:
            raise WorldError("there is no such node", where=name, remedy=f"name one of {', '.join(self.nodes)}")
        return self.nodes[name]

    async def replace_proxy(self, node: str) -> None:
        """Have a node's proxy give way to a new one.

        Raises:
            WorldError: there is no such node.
            TransportError: the new one does not come up; the old one stays.
        """
        await self.control_plane.replace_proxy(self.node(node))

    async def lose_node(self, name: str) -> None:
        """Have a node vanish at once, as a machine that lost its power.

        Raises:
            WorldError: there is no such node, or no other.
        """
        served = self.node(name) is next(iter(self.nodes.values()))
        if len(self.nodes) == 1:
            remedy = "bring the lab up with --nodes 2 or more"
            raise WorldError("the only node cannot be lost: nothing would be left", where=name, remedy=remedy)
        self._fabric.lose(name)
        del self.nodes[name]
        if served:
            await self._serve_dns_elsewhere()
        for each in (f"{PROXY}/{name}", f"{AGENT}/{name}"):
            await self.processes.stop(each, 0)
        self.store.remove(Ref(NODE.key, "", name))
        await self.pods.lost(name)

    async def _serve_dns_elsewhere(self) -> None:
        """The node that answered the cluster's DNS is gone: the next one does."""
        node = next(iter(self.nodes.values()))
        await serve_dns(node)
        self.tables.fix(dns_backends(node.address.ipv4))

    async def verify(self) -> list[dict[str, Any]]:
        """For each pod that runs, what its labels ask for and what becomes of its packets."""
        await self.pods.rest()
        subjects = [
            Subject(f"{ref.namespace}/{ref.name}", net.namespace, net.address.ipv4, *self.pods.expected(pod))
            for net, pod in self.pods.running()
            for ref in (ref_of(pod),)
        ]
        return await verify(subjects, self.control_plane.namespace)


def _log(line: str) -> None:
    """To the lab's own log, if there is room for it."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def _number(file: Path) -> int:
    try:
        return file.stat().st_ino
    except OSError:
        return 0


def _node_object(settings: NodeSettings, address: Pair) -> Tree:
    labels = {"kubernetes.io/hostname": settings.name, "kubernetes.io/os": "linux", **settings.labels}
    addresses = [{"type": "InternalIP", "address": each} for each in (address.ipv4, address.ipv6)]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": settings.name, "labels": labels},
        "status": {"addresses": addresses, "conditions": [{"type": "Ready", "status": "True"}]},
    }
