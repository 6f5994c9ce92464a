"""What the lab's network costs the kernel and us: pods made, captured, released and taken down, and services changed.

Wall time tells what a user waits for, CPU time what it costs where others use the machine meanwhile.

    python -m bench.lab_net [--pods 1000] [--nodes 20] [--services 1000]
"""

import argparse
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar

from sidestep.lab import launcher
from sidestep.lab.cluster.addresses import Pair, pods_of
from sidestep.lab.cluster.services import Backend
from sidestep.lab.net.fabric import Fabric
from sidestep.lab.net.namespaces import inside
from sidestep.lab.net.node import Node
from sidestep.lab.net.pod import PodNet

T = TypeVar("T")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--services", type=int, default=1000)
    given = parser.parse_args()
    launcher.check()
    launcher.raise_file_limit()
    program = f"from bench.lab_net import measure; measure({given.pods}, {given.nodes}, {given.services})"
    return subprocess.run(launcher.command(["-c", program]), check=False).returncode


def measure(pods: int, nodes: int, services: int) -> None:
    """Within the lab's namespaces."""
    with tempfile.TemporaryDirectory() as folder:
        fabric = Fabric(Path(folder))
        before = _free()
        made = _timed("node", nodes, lambda: [_node(fabric, number) for number in range(nodes)])
        placed = _timed("pod", pods, lambda: [_pod(made, number) for number in range(pods)])
        print(f"{'memory':<24} {(before - _free()) / pods:8.2f} MiB a pod (with the machine's other doings)")
        for what, act in (("capture", PodNet.capture), ("ask", PodNet.captured), ("release", PodNet.release)):
            _timed(what, pods, lambda act=act: [act(pod) for pod in placed])
        table = _table(services, placed)
        _timed("services, first table", services, lambda: made[0].set_services(table))
        changed = [Backend(table[0].address, "TCP", 80, (("10.128.0.9", 1),)), *table[1:]]
        _timed("services, one changes", 1, lambda: made[0].set_services(changed))
        _timed("remove", pods, lambda: [_remove(made, number) for number in range(pods)])
        _timed("until they are gone", 1, lambda: _until_gone(made))


def _timed(what: str, count: int, act: Callable[[], T]) -> T:
    wall, cpu = time.perf_counter(), time.process_time()
    result = act()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:<24} {wall / count * 1e3:8.2f} ms, CPU {cpu / count * 1e3:8.2f} ms each; {wall:7.2f} s for {count}")
    return result


def _node(fabric: Fabric, number: int) -> Node:
    address = Pair(f"172.18.{number // 250}.{number % 250 + 2}", f"fd00:172:18::{number + 2:x}")
    return fabric.add_node(f"node-{number}", address, pods_of(number))


def _pod(nodes: list[Node], number: int) -> PodNet:
    on, rank = number % len(nodes), number // len(nodes)
    four, six = (ip_network(each).network_address + rank + 2 for each in pods_of(on))
    return nodes[on].add_pod(f"uid-{number}", Pair(str(four), str(six)))


def _remove(nodes: list[Node], number: int) -> None:
    nodes[number % len(nodes)].remove_pod(f"uid-{number}")


def _table(services: int, pods: list[PodNet]) -> list[Backend]:
    return [
        Backend(
            f"10.96.{number // 250}.{number % 250 + 1}",
            "TCP",
            80,
            tuple((pods[(number * 5 + each) % len(pods)].address.ipv4, 8080) for each in range(5)),
        )
        for number in range(services)
    ]


def _until_gone(nodes: list[Node]) -> None:
    """Until the kernel has taken down what nobody holds any more."""
    for node in nodes:
        with inside(node.namespace):
            while len(socket.if_nameindex()) > 2:
                time.sleep(0.002)


def _free() -> float:
    """MiB that the machine can still give, by its own estimate."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) / 1024


if __name__ == "__main__":
    raise SystemExit(main())
