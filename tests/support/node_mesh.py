"""A mesh of pods on nodes with real Envoys in ztunnel's role, under our own control plane; for scenes in the lab."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from socket import AF_INET6
from typing import Any

from msgspec.structs import replace
from tests.support.lab import SCRATCH, fabric, node, pod_address

from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.ads.secrets import Secrets
from sidestep.controlplane.ads.server import Door, serve
from sidestep.controlplane.ca.authority import Authority, Trust
from sidestep.controlplane.ca.certificates import pem
from sidestep.controlplane.generators.node import NodeGenerator, Settings
from sidestep.controlplane.generators.waypoint import WaypointGenerator
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import (
    Locality,
    PolicyKey,
    PortMap,
    Service,
    ServiceKey,
    Tunnel,
    Workload,
    WorkloadUid,
)
from sidestep.controlplane.review import Review
from sidestep.controlplane.reviewing import Reviewing
from sidestep.controlplane.tokens import Proxy as Whose
from sidestep.controlplane.tokens import Tokens
from sidestep.lab.cluster.addresses import ENTRIES, PODS, SERVICES
from sidestep.lab.envoy import Admin, ControlPlane, Proxy, program
from sidestep.lab.net.held import Held
from sidestep.lab.net.pod import PodNet
from sidestep.lab.net.sockets import listening
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.ztunnel import Authorization, Group, Match, Scope, Side

SETTINGS = Settings(pods=PODS, services=(*SERVICES, *ENTRIES))
_LISTENED = {15001, 15006, 15008}
_NAME = "controlplane.test"


class Pod:
    """A pod of the mesh: what is known of it, and its network."""

    def __init__(self, workload: Workload, net: PodNet) -> None:
        self.workload, self.net = workload, net
        self.namespace = net.namespace
        self.ipv4, self.ipv6 = net.address.ipv4, net.address.ipv6


class NodeMesh:
    """The mesh.

    Args:
        nodes: how many.
        settings: of the proxies.
    """

    def __init__(self, nodes: int = 2, settings: Settings = SETTINGS, folder: str = "", concurrency: int = 1) -> None:
        self.fabric = fabric(folder)
        self.folder = Path(folder or SCRATCH)
        self.nodes = [node(self.fabric, number) for number in range(nodes)]
        self.pods: dict[str, Pod] = {}
        self.rejected: set[tuple[str, ...]] = set()
        """Resources that Envoy is not meant to take."""
        self.envoys: dict[int, subprocess.Popen[bytes]] = {}
        self._counts = [0] * nodes
        self._concurrency = concurrency
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.authority = Authority.new("cluster.local", self.clock())
        self.trust = Trust(self.authority)
        self._tokens = Tokens(b"k" * 32)
        self.index = Index()
        secrets = Secrets(self.index, lambda: self.trust, self.clock, lambda: 0.5)
        generators = {"node": NodeGenerator(settings), "waypoint": WaypointGenerator()}
        self.plane = Plane(self.index, generators, secrets)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.reviewing = Reviewing(self.plane, Review(self.index, Held()))
        asyncio.run_coroutine_threadsafe(self.reviewing.run(), self._loop)
        (self.folder / "roots.pem").write_bytes(pem(self.authority.anchors))
        self._server = self._do(self._serve())
        for number in range(nodes):
            self.start(number)

    async def _serve(self) -> Any:
        door = Door(self._tokens, frozenset({"node", "waypoint"}), lambda: datetime.now(UTC))
        chain = self.authority.serve((_NAME,), self.clock())
        server, _ = await serve(self.plane, door, chain, f"unix:{self.folder}/plane.sock")
        return server

    def stop_plane(self) -> None:
        """The control plane goes away; what it knew stays in the index."""
        self._do(self._server.stop(None))

    def start_plane(self) -> None:
        """It comes back."""
        (self.folder / "plane.sock").unlink(missing_ok=True)
        self._server = self._do(self._serve())

    def remove(self, pod: Pod) -> None:
        """A pod is gone."""
        name = pod.workload.name
        del self.pods[name]
        self.apply(Changes({pod.workload.uid: None}))
        self.settle()
        self.nodes[int(pod.workload.node.removeprefix("node-"))].remove_pod(f"uid-{name}")

    def reuse(self, number: int) -> None:
        """The last address of a node is given again."""
        self._counts[number] -= 1

    def start(self, number: int, epoch: int = 0) -> Admin:
        """A node's proxy."""
        name = f"node-{number}"
        token = self.folder / f"{name}.token"
        token.write_text(self._tokens.mint(Whose("node", name), datetime.now(UTC)))
        plane = ControlPlane(f"unix:{self.folder}/plane.sock", _NAME, self.folder / "roots.pem", token)
        proxy = Proxy(name, self.folder / name, plane, concurrency=self._concurrency, epoch=epoch, drain=3)
        proxy.write()
        log = (self.folder / f"{name}.log").open("ab")
        self.envoys[number] = subprocess.Popen(
            ["nsenter", f"--net={self.nodes[number].path}", *proxy.command(program())], stdout=log, stderr=log
        )
        admin = Admin(proxy.admin)
        self.until(admin.ready, name)
        return admin

    def admin(self, number: int, epoch: int = 0) -> Admin:
        return Admin(self.folder / f"node-{number}" / f"envoy-{epoch}.sock")

    def log(self, number: int) -> str:
        return (self.folder / f"node-{number}.log").read_text()

    def add(
        self, name: str, number: int = 0, *, captured: bool = True, serves: Iterable[Service] = (), **more: Any
    ) -> Pod:
        """A pod whose service account has its name."""
        net = self.nodes[number].add_pod(f"uid-{name}", pod_address(number, self._counts[number]))
        self._counts[number] += 1
        workload = Workload(
            WorkloadUid(f"Kubernetes//Pod/default/{name}"), name, "default",
            (net.address.ipv4, net.address.ipv6), f"node-{number}", account=more.pop("account", name),
            services={each.key: each.ports for each in serves}, canonical_name=name, canonical_revision="v1",
            locality=Locality("r", f"zone-{number}"), **more,
        )  # fmt: skip
        pod = self.pods[name] = Pod(workload, net)
        if captured:
            self.enrol(pod)
        else:
            self.put(workload)
        return pod

    def enrol(self, pod: Pod) -> None:
        """Listeners first, then redirection, then others may use the tunnel."""
        self.change(pod, netns=pod.net.path)
        self.until(lambda: listening(pod.namespace, (AF_INET6,)) >= _LISTENED, pod.workload.name)
        pod.net.capture()
        self.change(pod, tunnel=Tunnel.HBONE)
        self.settle()

    def change(self, pod: Pod, **fields: Any) -> None:
        """Another record of a pod."""
        pod.workload = replace(pod.workload, **fields)
        self.put(pod.workload)

    def put(self, *records: Workload | Service | Authorization) -> None:
        """New records."""
        self.apply(
            Changes(
                {each.uid: each for each in records if isinstance(each, Workload)},
                {each.key: each for each in records if isinstance(each, Service)},
                {_key(each): each for each in records if isinstance(each, Authorization)},
            )
        )

    def apply(self, changes: Changes) -> None:
        self._do(self._changed(changes))

    async def _changed(self, changes: Changes) -> None:
        await self.reviewing.notice(self.plane.change(changes))

    def take(self, authorization: Authorization) -> None:
        """It is gone."""
        self.apply(Changes(policies={_key(authorization): None}))
        self.settle()

    def settle(self) -> None:
        """Everything was acknowledged."""
        self.until(lambda: self.plane.settled, "acknowledgements")
        found = {each.rejection.names for each in self.plane.findings} - self.rejected
        assert not found, [each.rejection for each in self.plane.findings]

    def on_plane(self, work: Callable[[], Any]) -> Any:
        """Do something where the control plane runs."""
        return self._do(self._applied(work))

    async def _applied(self, work: Callable[[], Any]) -> Any:
        return work()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def until(self, condition: Callable[[], bool], what: str, patience: float = 60) -> None:
        """Wait for what must come."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.005)
        logs = "\n".join(self.log(number)[-3000:] for number in range(len(self.nodes)))
        findings = [each.rejection for each in self.plane.findings]
        raise AssertionError(f"it did not come: {what}; {findings}\n{logs}")


def service(name: str, vip: str, *ports: tuple[int, int], **more: Any) -> Service:
    """A service of the mesh."""
    six = "fd00:10:96::" + vip.rpartition(".")[2]
    return Service(
        name,
        "default",
        f"{name}.default.svc.cluster.local",
        (vip, six),
        tuple(PortMap(*each) for each in ports),
        **more,
    )


def policy(
    name: str, action: Action, *matches: Match, scope: Scope = Scope.NAMESPACE, rules: bool = True
) -> Authorization:
    """A policy of one rule with one clause."""
    groups = (Group((matches,) if matches else ()),) if rules else ()
    return Authorization(name, "default", scope, action, groups)


def principal(*accounts: str) -> Side:
    return Side(principals=tuple(f"cluster.local/ns/default/sa/{each}" for each in accounts))


def _key(authorization: Authorization) -> PolicyKey:
    return PolicyKey(f"{authorization.namespace}/{authorization.name}")


__all__ = ["Action", "Match", "NodeMesh", "Pod", "Scope", "ServiceKey", "Side", "policy", "principal", "service"]
