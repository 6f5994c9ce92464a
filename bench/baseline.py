"""The yardstick: read files and decode them with bare typed structs, the fields that the audit reads, and nothing else.

Run in a process of its own by `bench/audit.py`.
"""

import gc
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.metadata import Metadata
from sidestep.model.pods import PodSpec, PodStatus


class Spec(PodSpec, frozen=True, rename="camel"):
    node_name: str = ""


class Pod(Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: Spec = Spec()
    status: PodStatus = PodStatus()


class Pods(Struct):
    items: list[Pod]


class Others(Struct):
    items: list[dict[str, Any]]


def main() -> None:
    gc.disable()
    kept = []
    for path in sorted(Path(sys.argv[1]).glob("*.json")):
        kind = Pods if path.name == "pod.json" else Others
        kept.append(msgspec.json.decode(path.read_bytes(), type=kind))
    print(sum(len(each.items) for each in kept))


if __name__ == "__main__":
    main()
