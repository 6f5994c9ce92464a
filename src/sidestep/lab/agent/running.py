"""Containers and pods that run in this agent."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from sidestep.lab.agent.calls import Onward
from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.health import HealthServer
from sidestep.lab.agent.messages import Event, Pod, Probed, Ready
from sidestep.lab.agent.probes.attempt import Prober
from sidestep.lab.agent.probes.rounds import Rounds
from sidestep.lab.agent.probes.state import ProbeState
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.dns.server import DnsServer
from sidestep.lab.machine.scratch import container_log, issuer_key
from sidestep.lab.sockets import Network
from sidestep.lab.traces.files import SpanFile
from sidestep.lab.workload.application import Aids, Application
from sidestep.lab.workload.containers import Container, ProbeKind
from sidestep.lab.workload.diary import Diary
from sidestep.lab.workload.exchange import Who
from sidestep.lab.workload.issuer import Issuer
from sidestep.lab.workload.servers.connection import Site
from sidestep.lab.workload.servers.ports import BoundPort, bind_all

_CANONICAL = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
"""Labels by which telemetry names a workload, as Istio reads them."""


class Records(Struct, frozen=True):
    """Where containers write down what they see.

    Attributes:
        logs: folder of what they answer.
        spans: of all of them.
    """

    logs: Path
    spans: SpanFile


class RunningContainer:
    """One container: its ports, its connections, its probes.

    Args:
        pod: whose it is.
        container: what it runs.
        client: calls onward from the pod.
        tell: hears events.
        records: where it writes down what it sees; None for nowhere.
    """

    def __init__(
        self, pod: Pod, container: Container, client: Client, tell: Callable[[Event], None], records: Records | None
    ) -> None:
        self.container = container
        self._pod, self._tell = pod, tell
        onward = Onward(client)
        who, behaviour = _who(pod, container), container.behaviour
        self._application = Application(who, behaviour, onward, _aids(pod, container, records))
        self._ports: list[BoundPort] = []
        self._site = self._new_site()
        self._starting: asyncio.Task[None] | None = None
        self._rounds: Rounds | None = None
        self._listening = False

    def bind(self, network: Network) -> None:
        """Take its ports; a user's own command takes them itself.

        Raises:
            OSError: one is taken.
        """
        if not self.container.command:
            self._ports = bind_all(network, self.container.ports, at_once=not self.container.behaviour.start_after)

    def start(self) -> None:
        """Listen, after the time that it is told to need, and be probed."""
        self._starting = asyncio.create_task(self._listen())
        prober = Prober(
            self._pod.addresses[0] if self._pod.addresses else "127.0.0.1", self._pod.netns, self.container.env
        )
        self._rounds = Rounds(self.container, prober, lambda: self._listening, self._told, self._unhealthy)

    def cut(self) -> None:
        """End at once."""
        self._end_start()
        self._close()
        self._site.cut()

    async def end(self, grace: float) -> None:
        """End as a process that handles its signal: see `Stop`."""
        self._end_start()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await asyncio.sleep(self.container.behaviour.linger if self._listening else 0)
                self._close()
                self._site.finish()
                await self._site.emptied()
        self.cut()

    async def restart(self, network: Network) -> None:
        """Cut, and start anew.

        Raises:
            OSError: a port was taken meanwhile.
        """
        self.cut()
        self._site = self._new_site()
        await asyncio.sleep(0)
        self.bind(network)
        self.start()

    async def _listen(self) -> None:
        await asyncio.sleep(self.container.behaviour.start_after)
        for port in self._ports:
            try:
                await port.listen(self._site)
            except OSError as error:
                reason = f"port {port.port.number}: {error.strerror}"
                self._tell(Ready(self._pod.uid, self.container.name, started=False, ready=False, reason=reason))
                return
        self._listening = True

    def _new_site(self) -> Site:
        return Site(self._application, self.container.behaviour.keep_alive)

    def _end_start(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        if self._rounds is not None:
            self._rounds.end()

    def _close(self) -> None:
        self._listening = False
        for port in self._ports:
            port.close()
        self._ports = []

    def _told(self, state: ProbeState) -> None:
        self._tell(Ready(self._pod.uid, self.container.name, state.started, state.ready, state.reason))

    def _unhealthy(self, kind: ProbeKind, reason: str) -> None:
        self._tell(Probed(self._pod.uid, self.container.name, kind.value, reason))


class RunningPod:
    """A pod: its containers, its client, its DNS server while it is captured."""

    def __init__(self, pod: Pod, tell: Callable[[Event], None], records: Records | None = None) -> None:
        self.pod = pod
        self.network = Network(pod.netns)
        self.client = Client(self.network, Resolver(self.network, pod.dns))
        self.dns: DnsServer | None = None
        self._health: HealthServer | None = None
        self._containers = [RunningContainer(pod, each, self.client, tell, records) for each in pod.containers]

    def start(self) -> None:
        """Run all containers, or none.

        Raises:
            OSError: a port is taken, or the pod's namespace is gone.
        """
        try:
            for container in self._containers:
                container.bind(self.network)
            if self.pod.health:
                self._health = self._serve_health()
        except Exception:
            for container in self._containers:
                container.cut()
            raise
        for container in self._containers:
            container.start()

    async def end(self, grace: float) -> None:
        """Nothing is left afterwards."""
        await asyncio.gather(*(each.end(grace) for each in self._containers))
        self.release_dns()
        if self._health is not None:
            self._health.close()
        self.client.close()

    def _serve_health(self) -> HealthServer:
        pod = self.pod
        within = Prober(pod.addresses[0] if pod.addresses else "127.0.0.1", pod.netns, {}, self.network)
        return HealthServer(self.network, pod.health_port, pod.health, within)

    def release_dns(self) -> None:
        """Answer its DNS no more."""
        if self.dns is not None:
            self.dns.close()
            self.dns = None

    def container(self, name: str) -> RunningContainer | None:
        """One of its containers."""
        return next((each for each in self._containers if each.container.name == name), None)


def _aids(pod: Pod, container: Container, records: Records | None) -> Aids:
    if records is None:
        return Aids()
    diary = Diary(container_log(records.logs, pod.uid, container.name))
    return Aids(diary.note, Issuer(issuer_key(records.logs)), records.spans.keep)


def _who(pod: Pod, container: Container) -> Who:
    version = container.behaviour.version or pod.labels.get("version", "")
    named = next((pod.labels[label] for label in _CANONICAL if pod.labels.get(label)), pod.name)
    service = f"{named}.{pod.namespace}"
    return Who(pod.name, pod.namespace, container.name, version, pod.node, pod.account, service)
