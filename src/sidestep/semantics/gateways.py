"""Which pods run which Gateways of both APIs, and what listens at a port of such pods.

Source: pilot/pkg/model/gateway.go (MergeGateways, resolvePorts): a Gateway speaks to all pods that its selector takes,
and the number of a server is the port of a Service before them; where none has it, it is the pod's own port.
"""

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.model.kinds import GATEWAY, ISTIO_GATEWAY
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.loose import as_dict
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.routing.servers import Server
from sidestep.semantics.service_index import Service

SCOPED = "PILOT_SCOPE_GATEWAY_TO_NAMESPACE"


class Gateways(Struct, frozen=True, dict=True):
    """All Gateways and the pods that may run them.

    Attributes:
        mesh: of which.
        servers: listeners by `namespace/name`; a Gateway that could not be read has none.
        pods: of gateways.
        scoped: a Gateway speaks to pods of its own namespace alone.
    """

    mesh: Mesh
    servers: Mapping[str, tuple[Server, ...]]
    pods: tuple[Instances, ...]
    scoped: bool = False

    def run_by(self, pods: Instances) -> tuple[str, ...]:
        """The Gateways that pods run, as `namespace/name`."""
        own = f"{pods.namespace}/{pods.labels.get(GATEWAY_NAME, '')}"
        if own in self._of_gateway_api:
            return (own,)
        return tuple(name for name, selector in self._selectors.items() if self._takes(name, selector, pods))

    def running(self, namespace: str, name: str) -> tuple[Instances, ...]:
        """The pods that run a Gateway."""
        gateway = f"{namespace}/{name}"
        return tuple(each for each in self.pods if gateway in self.run_by(each))

    def listening(self, pods: Instances, before: tuple[Service, ...], port: int) -> tuple[Server, ...]:
        """What listens at a port of pods.

        Args:
            pods: of a gateway.
            before: the Services that select them.
            port: their own.
        """
        mapped = [(each.number, _target(each.target, pods)) for service in before for each in service.ports]
        numbers = {number for number, target in mapped if target == port}
        if port not in {number for number, _ in mapped}:
            numbers.add(port)
        return tuple(
            server for name in self.run_by(pods) for server in self.servers.get(name, ()) if server.port in numbers
        )

    def unread(self, pods: Instances) -> str:
        """Why it cannot be told what listens there; empty where it can."""
        lacking = [kind.plural for kind in (ISTIO_GATEWAY, GATEWAY) if self.mesh.lacks(kind)]
        if lacking:
            return f"not all {' and '.join(lacking)} were read"
        broken = [name for name in self.run_by(pods) if name not in self.servers]
        broken += [str(each.id) for kind in (ISTIO_GATEWAY, GATEWAY) for each in self.mesh.unreadable(kind)]
        return f"Gateway {broken[0]} could not be read" if broken else ""

    def _takes(self, name: str, selector: Labels, pods: Instances) -> bool:
        near = not self.scoped or name.partition("/")[0] == pods.namespace
        return near and pods.mode is Mode.GATEWAY and selector.items() <= pods.labels.items()

    @cached_property
    def _selectors(self) -> Mapping[str, Labels]:
        return {
            f"{each.meta.namespace}/{each.meta.name}": {
                str(key): str(value) for key, value in as_dict((each.view.spec or {}).get("selector")).items()
            }
            for each in self.mesh.of(ISTIO_GATEWAY)
        }

    @cached_property
    def _of_gateway_api(self) -> frozenset[str]:
        return frozenset(f"{each.meta.namespace}/{each.meta.name}" for each in self.mesh.of(GATEWAY))


def _target(written: int | str, pods: Instances) -> int | None:
    return written if isinstance(written, int) else pods.container_ports.get(written)
