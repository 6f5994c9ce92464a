"""`--coefficients`: what load costs a waypoint, as it was measured on the user's own machine."""

import msgspec

from sidestep.cli.yaml_file import yaml_file
from sidestep.errors import UsageError
from sidestep.plan.waypoints.coefficients import DEFAULT_SOURCES, Coefficients, measured

_OPTION = "--coefficients"
_NAMES = {each.encode_name: each.name for each in msgspec.structs.fields(Coefficients) if each.name in DEFAULT_SOURCES}


def coefficients_in(path: str | None) -> Coefficients:
    """Those of a file, over the built-in ones.

    Args:
        path: of a document with a mapping `coefficients`, such as `sidestep lab bench -o json` writes; None for none.

    Raises:
        WorldError: it cannot be read.
        UsageError: it names no figures, unknown ones, or what is no number.
    """
    if path is None:
        return Coefficients()
    tree = yaml_file(path, _OPTION)
    written = tree.get("coefficients") if isinstance(tree, dict) else None
    if not isinstance(written, dict) or not written:
        remedy = "measure with `sidestep lab bench -o json --out FILE` (its scenario l7), and name that file"
        raise UsageError("has no coefficients", where=path, remedy=remedy)
    figures: dict[str, float] = {}
    for name, value in written.items():
        if name not in _NAMES:
            raise UsageError(f"no such coefficient: {name}", where=path, remedy=f"use {', '.join(_NAMES)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{name} is {value!r}, and no number", where=path, remedy="write a number, zero or more")
        figures[_NAMES[name]] = float(value)
    return measured(f"measured: {path}", **figures)
