"""A disagreement made small: what can be taken away without ending it is taken away, and the rest kept as a case."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec.structs import replace
from tests.lab.fidelity.meshes import Case, Object

CASES = Path(__file__).parent / "cases"
REQUESTS = Path(__file__).parent / "layer7" / "cases"
_WHOLE = ("Namespace", "Deployment", "Gateway", "ConfigMap")
_OPTIONAL = (
    "when", "from", "to", "portLevelMtls", "match", "matches", "filters", "headers", "fault", "rewrite", "subsets", "tls",
)  # fmt: skip


def shrunk(case: Case, fails: Callable[[Case], bool]) -> Case:
    """The smallest that still fails, object by object and then within what is left of them."""
    again = True
    while again:
        again = False
        for smaller in _smaller(case):
            if fails(smaller):
                case, again = smaller, True
                break
    return case


def write(case: Case, name: str, folder: Path = CASES) -> Path:
    """Keep a case for the tests to replay."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(msgspec.to_builtins(case), sort_keys=False, width=120), encoding="utf-8")
    return path


def kept(folder: Path = CASES) -> list[Path]:
    """All cases."""
    return sorted(folder.glob("*.yaml"))


def read(path: Path) -> Case:
    """A case."""
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Case)


def _smaller(case: Case) -> Iterator[Case]:
    """With one thing less. Namespaces stay: labels that are not said again are not taken away."""
    for at, each in enumerate(case.objects):
        if each["kind"] != "Namespace":
            yield replace(case, objects=(*case.objects[:at], *case.objects[at + 1 :]))
    for at, each in enumerate(case.objects):
        for less in _less(each):
            yield replace(case, objects=(*case.objects[:at], less, *case.objects[at + 1 :]))


def _less(tree: Object) -> Iterator[Object]:
    """Policies, routes and Services with one entry less of any list."""
    if tree["kind"] in _WHOLE:
        return
    for path in _places(tree.get("spec", {}), ()):
        copy = deepcopy(tree)
        at: Any = copy["spec"]
        for key in path[:-1]:
            at = at[key]
        del at[path[-1]]
        yield copy


def _places(tree: Any, here: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(tree, list):
        for number, each in enumerate(tree):
            if len(tree) > 1:
                yield (*here, number)
            yield from _places(each, (*here, number))
    elif isinstance(tree, dict):
        for key, each in tree.items():
            if key in _OPTIONAL or key.startswith("not"):
                yield (*here, key)
            yield from _places(each, (*here, key))
