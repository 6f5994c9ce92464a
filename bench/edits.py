"""Speed of edits in place, as ratios to the time in which ruamel.yaml loads and dumps the same files, in one run.

    python -m bench.edits FOLDER [--rounds 3]

Every object of every YAML file gets a label; ruamel.yaml only loads and dumps. Each measurement is a process of its
own; the sides take turns. ruamel.yaml is no dependency of ours: `pip install ruamel.yaml` first.
"""

import argparse
import copy
import importlib.util
import io
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench.audit import BUILD, Cost, run
from sidestep.convert.editing.chunks import chunks
from sidestep.convert.editing.document import read_value
from sidestep.convert.editing.file import ObjectEdit, edit_file
from sidestep.errors import SidestepError

SIDES = ("edit", "ruamel", "read")


def texts(folder: Path) -> dict[Path, str]:
    """Files that are read whole; those that Kubernetes does not read are left out of all sides."""
    found = {path: path.read_bytes().decode() for path in sorted(folder.rglob("*.yaml"))}
    return {path: text for path, text in found.items() if _edits(text) is not None}


def listed(folder: Path) -> Path:
    """A list of them, so that no side pays for the choice."""
    BUILD.mkdir(parents=True, exist_ok=True)
    target = BUILD / "edits-files.txt"
    target.write_text("\n".join(str(path.resolve()) for path in texts(folder)))
    return target


def _edits(text: str) -> list[ObjectEdit] | None:
    """A label more for every object; None for a file that cannot be read."""
    found = []
    try:
        for piece in chunks(text):
            value: Any = read_value(piece.text) if piece.number else None
            if isinstance(value, dict):
                members = value["items"] if value.get("kind") == "List" else [value]
                found += [ObjectEdit(piece.number, each, _labelled(each)) for each in members]
    except SidestepError:
        return None
    return found


def _labelled(tree: dict[str, Any]) -> dict[str, Any]:
    new = copy.deepcopy(tree)
    meta = new["metadata"] = new.get("metadata") or {}
    meta["labels"] = {**(meta.get("labels") or {}), "istio.io/use-waypoint": "none"}
    return new


def edit(text: str) -> None:
    """Read, then change all objects."""
    edit_file(text, _edits(text) or [])


def read(text: str) -> None:
    """Read alone."""
    _edits(text)


def round_trip(text: str) -> None:
    """Load and dump with ruamel.yaml, comments kept."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - of this side only

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.allow_duplicate_keys = True
    yaml.dump_all(yaml.load_all(text), io.StringIO())


def side(name: str, files: Path) -> None:
    """What one process does."""
    work = {"edit": edit, "ruamel": round_trip, "read": read}[name]
    for path in files.read_text().splitlines():
        work(Path(path).read_bytes().decode())


def measure(folder: Path, rounds: int) -> dict[str, Cost]:
    """Medians of rounds in which the sides take turns, after one that only warms the disk."""
    files = str(listed(folder))
    taken: dict[str, list[Cost]] = {name: [] for name in SIDES}
    for number in range(rounds + 1):
        for name in SIDES:
            cost = run(sys.executable, "-m", "bench.edits", files, "--side", name)
            if number:
                taken[name].append(cost)
    return {
        name: Cost(*(median(getattr(cost, field) for cost in costs) for field in ("wall", "cpu", "peak")))
        for name, costs in taken.items()
    }


def table(folder: Path, costs: dict[str, Cost]) -> str:
    """Markdown."""
    found = texts(folder)
    size = sum(len(text) for text in found.values()) / 1e6
    lines = [
        f"{len(found)} files, {size:.1f} MB",
        "",
        "| side | s | CPU s | peak MiB | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    whole = costs["ruamel"].wall
    lines += [
        f"| {name} | {cost.wall:.2f} | {cost.cpu:.2f} | {cost.peak:.0f} | {cost.wall / whole:.2f} |"
        for name, cost in costs.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES)
    given = parser.parse_args()
    if importlib.util.find_spec("ruamel") is None:
        raise SystemExit("ruamel.yaml is not here: pip install ruamel.yaml")
    if given.side:
        side(given.side, given.folder)
    else:
        print(table(given.folder, measure(given.folder, given.rounds)))


if __name__ == "__main__":
    main()
