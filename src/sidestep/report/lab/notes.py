"""What the lab does not do with what it is given, in sentences."""

from collections.abc import Sequence

from sidestep.lab.cluster.unheeded import Unheeded

_NAMED = 3


def unheeded_lines(found: Sequence[Unheeded]) -> list[str]:
    """A sentence for each kind: `3 VirtualServices have no effect: …`."""
    return [
        f"{each.number} {_plural(each.kind) if each.number > 1 else each.kind} "
        f"{'have' if each.number > 1 else 'has'} no effect: {each.why}"
        for each in found
    ]


def sidecar_line(workloads: Sequence[str]) -> str:
    """One sentence for all whose labels ask for a sidecar; empty for none."""
    if not workloads:
        return ""
    more = f" and {len(workloads) - _NAMED} more" if len(workloads) > _NAMED else ""
    one = len(workloads) == 1
    return (
        f"{', '.join(workloads[:_NAMED])}{more} {'is' if one else 'are'} meant to have a sidecar and "
        f"{'runs' if one else 'run'} without: sidecars do not run in the lab yet"
    )


def _plural(kind: str) -> str:
    if kind.endswith(("y",)) and not kind.endswith(("ay", "ey")):
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"
