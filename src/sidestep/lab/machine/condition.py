"""How the lab is: what runs, and what is not yet as its objects want it."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from sidestep.errors import SidestepError
from sidestep.lab.cluster.control_loop import unsettled
from sidestep.lab.cluster.misgivings import ASKED, misgivings
from sidestep.lab.cluster.objects import ref_of
from sidestep.lab.cluster.pods import is_captured, is_finished, is_leaving, is_ready, node_of, proxy_of
from sidestep.model.kinds import NODE, POD, SERVICE

if TYPE_CHECKING:
    from sidestep.lab.machine.machine import Machine


def summary(machine: "Machine") -> dict[str, Any]:
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


async def full_summary(machine: "Machine") -> dict[str, Any]:
    """The same, and what is done otherwise than objects say it, for which all policies are read and proxies' asked."""
    asked = (tree for kind in ASKED for tree in machine.store.of(kind.key))
    return {**summary(machine), "misgivings": [*misgivings(asked), *await _remarks(machine)]}


async def _remarks(machine: "Machine") -> list[str]:
    """Fields that proxies could not be told of; none where nobody answers."""
    try:
        told: list[str] = (await machine.control_plane.ask("status"))["remarks"]
    except SidestepError:
        return []
    return told


async def unfinished(machine: "Machine", most: int | None = None) -> list[str]:
    """What is not yet as wanted, so many of it, or what proxies have not yet acknowledged."""
    left = list(islice(outstanding(machine), most))
    if left:
        return left
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


def outstanding(machine: "Machine") -> Iterator[str]:
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
