"""Decisions a second on one core, on meshes of two sizes of the same make, in one run.

    python -m bench.semantics [--rounds 3] [--write]

The larger mesh has a hundred times the policies and services of the smaller. Each measurement is a process of its own;
the meshes take turns, and medians count. Every request is another one: a client, a server and a path of its own.

- first: seconds of CPU to the first decision: all pods, services and routes are made ready.
- cold: the first pass over all workloads, which reads their policies and keeps what it finds.
- warm: other requests, from other clients and with other paths, to workloads that all were asked before.
- near: as warm, all of them among 200 services, so that only the size of the rest of the mesh differs.
- explain: the longest of a hundred explanations of one request, decided and put into words, in milliseconds.
"""

import argparse
import gc
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from bench.audit import ROOT
from bench.page import markdown, renew
from bench.policy_mesh import Size, mesh, requests
from sidestep.explain.answer import State, answer
from sidestep.explain.asking import Asked
from sidestep.semantics.decide import decide
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Request
from sidestep.semantics.versions import given_version

SIZES = {
    "small": Size(100, 200),
    "large": Size(10_000, 20_000),
    "large, one namespace": Size(10_000, 20_000, per_namespace=20_000),
}
COUNT = 20_000
NEAR = 200
PASSES = 4
_TITLES = (
    "mesh",
    "policies",
    "services",
    "first s",
    "cold /s",
    "warm /s",
    "to small",
    "near /s",
    "to small",
    "explain ms",
)

Asking = Sequence[tuple[str, Request]]


def spent(index: MeshIndex, asking: Asking) -> float:
    """CPU seconds of deciding them all."""
    start = time.process_time()
    for _, request in asking:
        decide(index, request)
    return time.process_time() - start


def measure(size: Size) -> dict[str, Any]:
    """What one process finds about one mesh, memory kept as the commands keep it: the mesh is no garbage."""
    gc.disable()
    made = mesh(size)
    passes = [list(requests(size, made, COUNT, seed)) for seed in range(PASSES)]
    near = [list(requests(replace(size, among=NEAR), made, COUNT, seed)) for seed in range(PASSES)]
    start = time.process_time()
    index = MeshIndex.of(made, given_version("1.30"))
    decide(index, passes[0][0][1])
    found: dict[str, Any] = {"first": time.process_time() - start}
    gc.freeze()
    gc.enable()
    found["cold"] = COUNT / spent(index, passes[0])
    gc.collect()
    gc.freeze()
    for name, each in (("warm", passes), ("near", near)):
        for known in each[:-1]:
            spent(index, known)
        found[name] = COUNT / spent(index, each[-1])
    return {**found, "explain": _explained(index, passes[-1][:100]), "kinds": _kinds(index, near[-1])}


def _explained(index: MeshIndex, asking: Asking) -> float:
    """Milliseconds of the longest explanation."""
    longest = 0.0
    for _, request in asking:
        start = time.process_time()
        answer([State("today", index)], Asked(request))
        longest = max(longest, time.process_time() - start)
    return longest * 1000


def _kinds(index: MeshIndex, asking: Asking) -> dict[str, tuple[float, int, int]]:
    """By kind of request: rate, how many, and how many of them are let through."""
    groups: dict[str, list[tuple[str, Request]]] = defaultdict(list)
    for kind, request in asking:
        groups[kind].append((kind, request))
    return {
        kind: (
            len(own) / max(spent(index, own), 1e-9),
            len(own),
            sum(decide(index, request).verdict.value == "allow" for _, request in own),
        )
        for kind, own in sorted(groups.items())
    }


def rounds(count: int) -> dict[str, list[dict[str, Any]]]:
    """Each mesh in turn, each time in a process of its own."""
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in SIZES}
    for _ in range(count):
        for name, found in taken.items():
            command = [sys.executable, "-m", "bench.semantics", "--measure", name]
            told = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout
            found.append(json.loads(told))
    return taken


def tables(taken: dict[str, list[dict[str, Any]]]) -> str:
    """Medians, and below them what kinds of requests cost."""
    middle = {
        name: {part: median(each[part] for each in found) for part in ("first", "cold", "warm", "near", "explain")}
        for name, found in taken.items()
    }
    small, rows = middle["small"], []
    for name, size in SIZES.items():
        own = middle[name]
        rates = (f"{own['warm']:,.0f}", f"{small['warm'] / own['warm']:.2f}")
        near = (f"{own['near']:,.0f}", f"{small['near'] / own['near']:.2f}")
        counts = (f"{size.policies:,}", f"{size.services:,}")
        rows.append(
            (name, *counts, f"{own['first']:.2f}", f"{own['cold']:,.0f}", *rates, *near, f"{own['explain']:.1f}")
        )
    kinds = taken["large"][0]["kinds"]
    told = [
        (
            kind,
            f"{median(each['kinds'][kind][0] for each in taken['large']):,.0f}",
            f"{many:,}",
            f"{allowed / many:.0%}",
        )
        for kind, (_, many, allowed) in kinds.items()
    ]
    return markdown(_TITLES, rows) + "\n" + markdown(("near, on the large mesh", "/s", "requests", "allowed"), told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--measure", choices=SIZES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(SIZES[given.measure])))
        return
    table = tables(rounds(given.rounds))
    print(table)
    if given.write:
        renew("decisions", table)


if __name__ == "__main__":
    main()
