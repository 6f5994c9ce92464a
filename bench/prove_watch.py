"""What `sidestep prove --watch` takes from the look that sees a change to the verdict that is printed.

Both meshes are files below a folder, one folder for each namespace: a policy is a file of its own, and all others of
their kind in a namespace share one. What changes is the file of one AuthorizationPolicy, saved as editors do it.
"""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.prove_mesh import Size, texts
from sidestep.cli.output import look
from sidestep.cli.prove import command
from sidestep.cli.watch import LOOKS_APART, Pace, Shown, Watch
from sidestep.prove.proof import Proof
from sidestep.report.formats import format_named
from sidestep.report.proof.formats import PROOF_FORMATS

_ALONE = "AuthorizationPolicy"
_TIMES = 5


def write(size: Size, folder: Path, *, after: bool) -> None:
    """A mesh as files."""
    found: dict[str, list[str]] = {}
    for text in texts(size, after=after):
        told = json.loads(text)
        meta = told["metadata"]
        name = f"-{meta['name']}" if told["kind"] == _ALONE else ""
        space = meta.get("namespace") or (meta["name"] if told["kind"] == "Namespace" else "cluster")
        found.setdefault(f"{space}/{told['kind'].lower()}{name}.json", []).append(text)
    for path, objects in found.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        listed = f'{{"apiVersion":"v1","kind":"List","items":[{",".join(objects)}]}}'
        (folder / path).write_text(listed if len(objects) > 1 else objects[0])


class Edits:
    """Saves a file in place of each look apart, and stops the time until the verdict is there."""

    def __init__(self, path: Path, times: int) -> None:
        self._path, self._left = path, times
        self._text = path.read_text()
        self._started = self._used = 0.0
        self.seconds: list[float] = []
        self.cpu: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Edit instead of waiting for a look; wait as long as the command does for a file to settle."""
        if seconds < LOOKS_APART:
            time.sleep(seconds)
            return
        if not self._left:
            raise KeyboardInterrupt
        scratch = self._path.with_name(f".{self._path.name}.new")
        scratch.write_text(self._text if self._left % 2 == 0 else self._text.replace('"GET"', '"PUT"'))
        scratch.replace(self._path)
        self._left -= 1
        self._started, self._used = time.perf_counter(), time.process_time()

    def show(self, proof: Proof, _: str) -> Shown:
        """Print to nobody."""
        format_named("table", PROOF_FORMATS).render(proof, look(no_color=True, to_file=True))
        if self._started:
            self.seconds.append(time.perf_counter() - self._started)
            self.cpu.append(time.process_time() - self._used)
        self.proof = proof
        return Shown(0)


def watched(size: Size) -> Edits:
    """A policy changes, again and again, beside somebody who watches: how long each answer took, and the last one."""
    folder = Path(tempfile.mkdtemp(prefix="sidestep-bench-"))
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    try:
        for name in ("before", "after"):
            write(size, folder / name, after=name == "after")
        found = sorted((folder / "after").glob(f"space-1/{_ALONE.lower()}-*"))
        edits = Edits(next(each for each in found if '"GET"' in each.read_text()), _TIMES)
        Watch(_values(str(folder / "before"), str(folder / "after")), edits.show, pace=Pace(sleep=edits.sleep)).run()
        return edits
    finally:
        shutil.rmtree(folder)


def _values(*meshes: str) -> dict[str, Any]:
    """Options of the command as they are when nobody says otherwise."""
    return command.make_context("prove", [*meshes, "--watch", "-q"]).params
