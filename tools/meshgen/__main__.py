"""`python -m tools.meshgen --nodes 60 --pods 1700 --out DIR`."""

import argparse
from pathlib import Path

from tools.meshgen.build import build, objects
from tools.meshgen.config import Config


def write(config: Config, folder: Path) -> int:
    """One file per kind, as `kubectl get KIND -A -o json` prints it (compact); returns the bytes written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for kind, texts in objects(build(config)):
        with (folder / f"{kind.lower()}.json").open("w") as file:
            written += file.write('{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":""},"items":[')
            for index, text in enumerate(texts):
                written += file.write(("," if index else "") + text)
            written += file.write("]}\n")
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate a realistic cluster as JSON files.")
    parser.add_argument("--nodes", type=int, default=60)
    parser.add_argument("--pods", type=int, default=1700)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--services", type=int, default=0, help="ordinary workloads, each with a Service")
    parser.add_argument("--policies", type=int, default=0, help="AuthorizationPolicies on single workloads")
    parser.add_argument("--plain", action="store_true", help="without the planted oddities")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    size = write(
        Config(given.nodes, given.pods, given.seed, not given.plain, given.services, given.policies), given.out
    )
    print(f"{given.out}: {size >> 20} MiB")


if __name__ == "__main__":
    main()
