"""The lab's service graph: what was counted and told, over a while or since the lab came up, joined."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.controlplane.describing import Answer, Party
from sidestep.controlplane.registry.pods import pod_uid
from sidestep.controlplane.registry.registry import MeshNames
from sidestep.lab.cluster.names import addresses_of
from sidestep.lab.cluster.objects import Tree, meta_of
from sidestep.lab.graph.calls import calls
from sidestep.lab.graph.counted import of_connections, of_requests
from sidestep.lab.graph.joined import Known, joined
from sidestep.lab.graph.result import Mesh, ServiceGraph
from sidestep.lab.graph.sightings import App
from sidestep.lab.machine.machine import Machine
from sidestep.lab.machine.scratch import spans_folder
from sidestep.lab.machine.telemetry import Counted
from sidestep.lab.machine.written import workloads_wrote
from sidestep.lab.traces.files import kept
from sidestep.model.kinds import POD

_NO_MORE = Counted()


class _People(Struct, frozen=True):
    """Who is who: pods by their addresses and by what telemetry calls them."""

    known: Known
    at: Mapping[str, App]
    by_key: Mapping[str, App]


async def service_graph(machine: Machine, seconds: float = 0.0) -> ServiceGraph:
    """Everything that was seen so far, or from now on for a while.

    Args:
        machine: of the lab.
        seconds: for how long; 0 for all that was seen so far.
    """
    before, start = _NO_MORE, 0
    if seconds:
        before, start = await machine.telemetry.counted(machine.nodes), time.time_ns()
        await asyncio.sleep(seconds)
    counted = (await machine.telemetry.counted(machine.nodes)).since(before)
    await workloads_wrote([each.agent for each in machine.nodes.values()])
    told = await asyncio.to_thread(kept, spans_folder(machine.scratch.logs))
    people = _people(machine.store.of(POD.key), await _described(machine))
    found = [
        *of_connections(counted.connections),
        *of_requests(counted.told, lambda key: people.by_key.get(key, App())),
        *calls([each for each in told if each.start >= start], people.at.get, people.known.serving),
    ]
    return joined(found, people.known, seconds)


async def _described(machine: Machine) -> dict[str, Answer]:
    keys = [_key(each) for each in machine.store.of(POD.key)]
    told: Any = await machine.control_plane.ask("describe", names=keys)
    return msgspec.convert(told, dict[str, Answer])


def _people(pods: Iterable[Tree], described: Mapping[str, Answer]) -> _People:
    meshes: dict[App, set[Mesh]] = defaultdict(set)
    served: dict[str, set[App]] = defaultdict(set)
    aliases: dict[App, App] = {}
    at: dict[str, App] = {}
    by_key: dict[str, App] = {}
    for pod in pods:
        party = described.get(key := _key(pod), Answer()).party
        if party is None:
            continue
        app = _app(party)
        by_key[key] = app
        meshes[app].add(Mesh(party.mesh))
        aliases[App(party.namespace, str(meta_of(pod)["name"]))] = app
        for host in party.services:
            served[host].add(app)
        if party.mesh != Mesh.WAYPOINT:
            at.update(dict.fromkeys(addresses_of(pod), app))
    known = Known(
        {app: frozenset(found) for app, found in meshes.items()},
        {host: frozenset(found) for host, found in served.items()},
        aliases,
    )
    return _People(known, at, by_key)


def _key(pod: Tree) -> str:
    meta = meta_of(pod)
    return pod_uid(MeshNames().cluster, str(meta["namespace"]), str(meta["name"]))


def _app(party: Party) -> App:
    return App(party.namespace, party.canonical_service or party.workload)
