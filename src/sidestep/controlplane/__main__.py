"""`python -m sidestep.controlplane --machine SOCKET --folder FOLDER --tokens FOLDER --listen HOST:PORT`."""

import argparse
import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

from sidestep.controlplane.generators import Generator
from sidestep.controlplane.generators.gateway import GatewayGenerator
from sidestep.controlplane.generators.node.generator import NodeGenerator
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.generators.sidecar import SidecarGenerator
from sidestep.controlplane.generators.sidecar.settings import Settings as SidecarSettings
from sidestep.controlplane.generators.waypoint import WaypointGenerator
from sidestep.controlplane.generators.waypoint.settings import Settings as WaypointSettings
from sidestep.controlplane.process import ROLE, ZTUNNEL, Options, run
from sidestep.controlplane.records import ProxyRole
from sidestep.controlplane.registry.registry import MeshNames
from sidestep.controlplane.review import Connections
from sidestep.controlplane.wds.generator import WorkloadGenerator


def main(connections: Connections | None = None) -> None:
    """Run a control plane.

    Args:
        connections: of pods, where they can be seen.
    """
    parser = argparse.ArgumentParser(prog="sidestep.controlplane", description=__doc__)
    parser.add_argument("--machine", type=Path, required=True, help="socket of the lab's machine")
    parser.add_argument("--folder", type=Path, required=True, help="where keys are kept")
    parser.add_argument("--tokens", type=Path, required=True, help="where proxies' tokens are written")
    parser.add_argument("--listen", required=True, help="host:port")
    parser.add_argument("--trust-domain", default=MeshNames().trust_domain)
    parser.add_argument("--root-namespace", default=MeshNames().root_namespace)
    parser.add_argument("--trust-domain-alias", action="append", default=[])
    parser.add_argument(
        "--settings", default="{}", help="of nodes' proxies, as JSON: generators.node.settings.Settings"
    )
    parser.add_argument("--resolver", action="append", default=[], help="DNS server of proxies in pods")
    parser.add_argument("--role", choices=(ROLE, ZTUNNEL), default=ROLE, help="what nodes' proxies are")
    given = parser.parse_args()
    names = MeshNames(given.root_namespace, given.trust_domain)
    aliases = tuple(given.trust_domain_alias)
    options = Options(given.machine, given.folder, given.tokens, given.listen, names, aliases, given.role)
    watched = connections if given.role == ROLE else None  # a ztunnel cuts connections itself
    asyncio.run(run(options, _generators(given, names, aliases), watched))


def _generators(given: argparse.Namespace, names: MeshNames, aliases: tuple[str, ...]) -> Mapping[str, Generator]:
    on_nodes = msgspec.json.decode(given.settings, type=Settings)
    metrics = bool(on_nodes.access_log)
    waypoints = WaypointSettings(names.trust_domain, aliases, tuple(given.resolver), metrics)
    sidecars = SidecarSettings(aliases, tuple(given.resolver), metrics=metrics)
    in_pods: dict[str, Generator] = {
        ProxyRole.SIDECAR.value: SidecarGenerator(sidecars),
        ProxyRole.WAYPOINT.value: WaypointGenerator(waypoints),
        ProxyRole.GATEWAY.value: GatewayGenerator(sidecars),
    }
    if given.role == ZTUNNEL:
        return {ZTUNNEL: WorkloadGenerator(), **in_pods}
    return {ROLE: NodeGenerator(on_nodes), **in_pods}


if __name__ == "__main__":
    main()
