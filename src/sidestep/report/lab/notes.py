"""What the lab does not do with what it is given, in sentences."""

from collections.abc import Sequence

from sidestep.lab.cluster.unheeded import Unheeded


def unheeded_lines(found: Sequence[Unheeded]) -> list[str]:
    """A sentence for each kind: `3 VirtualServices have no effect: …`."""
    return [
        f"{each.number} {_plural(each.kind) if each.number > 1 else each.kind} "
        f"{'have' if each.number > 1 else 'has'} no effect: {each.why}"
        for each in found
    ]


def _plural(kind: str) -> str:
    if kind.endswith(("y",)) and not kind.endswith(("ay", "ey")):
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"
