"""How the lab is: what runs, and what is not yet as its objects want it."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sidestep.errors import SidestepError
from sidestep.lab.cluster.control_loop import unsettled
from sidestep.lab.cluster.misgivings import ASKED, misgivings, shadowed, strays
from sidestep.lab.cluster.names import addresses_of
from sidestep.lab.cluster.objects import Tree, ref_of
from sidestep.lab.cluster.pods import is_captured, is_finished, is_leaving, is_ready, node_of, proxy_of
from sidestep.lab.machine.machine import Machine
from sidestep.model.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE, TELEMETRY


def summary(machine: Machine) -> dict[str, Any]:
    """Counts, processes and the last things that were said."""
    pods = list(machine.store.of(POD))
    return {
        "name": machine.settings.name,
        "nodes": sum(1 for _ in machine.store.of(NODE)),
        "pods": len(pods),
        "ready": sum(map(is_ready, pods)),
        "captured": sum(map(is_captured, pods)),
        "proxies": dict(Counter(filter(None, map(proxy_of, pods)))),
        "services": sum(1 for _ in machine.store.of(SERVICE)),
        "crossed": machine.crossed(),
        "processes": list(machine.processes.names()),
        "outstanding": list(islice(outstanding(machine), 20)),
        "said": list(machine.said),
    }


async def full_summary(machine: Machine) -> dict[str, Any]:
    """The same, and what is done otherwise than objects say it, for which all policies are read and proxies' asked."""
    asked = (tree for kind in ASKED for tree in machine.store.of(kind.key))
    stray = strays(machine.store.of(ENDPOINT_SLICE), _taken(machine))
    older = shadowed(machine.store.of(TELEMETRY.key))
    return {**summary(machine), "misgivings": sorted({*misgivings(asked), *stray, *older, *await _remarks(machine)})}


def _taken(machine: Machine) -> frozenset[str]:
    """Addresses of pods and nodes."""
    pods = (each for pod in machine.store.of(POD) for each in addresses_of(pod))
    nodes = (each for node in machine.nodes.values() for each in (node.address.ipv4, node.address.ipv6))
    return frozenset((*pods, *nodes))


async def _remarks(machine: Machine) -> list[str]:
    """Fields that proxies could not be told of; none where nobody answers."""
    try:
        told: list[str] = (await machine.control_plane.ask("status"))["remarks"]
    except SidestepError:
        return []
    return told


async def unfinished(machine: Machine, most: int | None = None) -> list[str]:
    """What is not yet as wanted, so many of it, or what proxies have not yet acknowledged."""
    if machine.rested_at != machine.store.changes:
        left = list(islice(outstanding(machine), most))
        if left:
            return left
        machine.rested_at = machine.store.changes
    if not machine.tables.told:
        return ["nodes have not yet been told what services lead to"]
    try:
        told = await machine.control_plane.ask("status")
    except SidestepError as error:
        return [error.message]
    if told["heard"] < machine.told or not told["settled"]:
        return ["proxies have not yet taken the last change"]
    away = set(machine.nodes) - set(told["proxies"])
    return [f"the proxy of node {each} has not come to the control plane" for each in sorted(away)]


async def untaken(machine: Machine, tree: Tree) -> str:
    """What is missing until proxies have taken an object; empty for nothing."""
    ref = ref_of(tree)
    if machine.store.get(ref) is None:
        return "it is absent"
    if (await machine.control_plane.ask("status"))["heard"] < machine.told:
        return "the control plane has not yet heard of the last change"
    words = {"object": str(tree["kind"]), "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    told: str = await machine.control_plane.ask("taken", **words)
    return told


def outstanding(machine: Machine) -> Iterator[str]:
    """What is not yet as wanted, in words; nothing when the lab has come to rest."""
    if not machine.begun:
        yield "the lab is still coming up"
        return
    store = machine.store
    yield from (f"{ref} is not as it wants to be" for ref in unsettled(store))
    for pod in store.of(POD):
        name = str(ref_of(pod))
        if is_leaving(pod):
            yield f"{name} is ending"
        elif is_finished(pod):
            continue
        elif not is_ready(pod):
            yield f"{name} on {node_of(pod) or 'no node'} is not ready"
        elif not machine.pods.as_wanted(pod):
            yield f"{name} is not captured as its labels say"
