"""What proofs make of every difference: how it is found, and what is left of it once a mesh is planned and converted.

The rows are held against proofs by `tests/prove/test_differences.py`; the pages of differences are made from them.
"""

from msgspec import Struct

from sidestep.convert.rewrite import Severity
from sidestep.prove.proof import Conclusion, Direction


class Proved(Struct, frozen=True):
    """One difference in proofs of the meshes of its cases.

    Attributes:
        code: of the difference.
        found: directions in which a proof finds it; none where both meshes do the same.
        rewrites: codes of those that change its meshes, without and with a waypoint, when they are converted.
        end: of the proof of planned and converted meshes, the worst of all.
        why: what is left; empty where all are equal.
        told: how a loss of the conversion calls what is left; None where the proof alone shows it.
        staying: workloads that keep their sidecars in any of them.
    """

    code: str
    found: tuple[Direction, ...]
    rewrites: tuple[str, ...]
    end: Conclusion = Conclusion.EQUAL
    why: str = ""
    told: Severity | None = None
    staying: tuple[str, ...] = ()

    @property
    def found_back(self) -> tuple[Direction, ...]:
        """The same, on the way from ambient to sidecars."""
        return tuple(BACK.get(each, each) for each in self.found)


BACK = {Direction.OPEN: Direction.CLOSED, Direction.CLOSED: Direction.OPEN}
"""What a direction is on the way back; the others stay what they are."""


OPAQUE = ("D47", "D57")
"""What they are about stands in code: where it is gone or new, a proof is undecided (`tests/prove/test_opaque.py`)."""


def _row(
    code: str,
    found: str,
    rewrites: str,
    end: Conclusion = Conclusion.EQUAL,
    why: str = "",
    told: Severity | None = None,
    staying: str = "",
) -> Proved:
    directions = tuple(Direction(each) for each in found.split())
    return Proved(code, directions, tuple(rewrites.split()), end, why, told, tuple(staying.split()))


PROVED: tuple[Proved, ...] = (
    _row("D01", "open closed", "SID301 SID302"),
    _row("D02", "open closed", "SID301 SID302"),
    _row("D03", "closed", "SID301 SID302", Conclusion.UNDECIDED, "what a waypoint sees of its callers' addresses differs between Envoys, so that behind one it stays undecided"),
    _row("D04", "open", "SID301 SID302", staying="web"),
    _row("D05", "closed", "SID301 SID302"),
    _row("D06", "open", "SID301 SID302"),
    _row("D07", "closed", "SID301 SID302"),
    _row("D08", "open", "SID301 SID302"),
    _row("D09", "open closed", "SID301 SID302"),
    _row("D10", "open closed", "SID301 SID302"),
    _row("D11", "closed", "SID301 SID302"),
    _row("D12", "open closed", "SID301 SID302"),
    _row("D13", "seen", "SID301 SID302", Conclusion.DIFFERS, "without a waypoint nobody makes dry runs", Severity.OBSERVABILITY),
    _row("D14", "", "SID301 SID302"),
    _row("D15", "shape", "SID301 SID302"),
    _row("D17", "open", "SID301 SID302"),
    _row("D18", "open", "SID301 SID302", staying="cart"),
    _row("D19", "open", "SID301 SID302"),
    _row("D20", "open closed", "SID301", Conclusion.DIFFERS, "what guards some pods of a Service alone cannot be said to its waypoint", Severity.SECURITY, staying="cart-v2"),
    _row("D21", "open", "SID301 SID302"),
    _row("D22", "closed", "SID301 SID302"),
    _row("D23", "closed", "SID301 SID302"),
    _row("D24", "closed", "SID301 SID302"),
    _row("D25", "closed", "SID301 SID302"),
    _row("D26", "open", "SID301 SID302 SID304", Conclusion.DIFFERS, "no port of ambient is without mTLS", Severity.COSMETIC),
    _row("D27", "closed", "SID301 SID302 SID304"),
    _row("D28", "open", "SID301 SID302 SID304"),
    _row("D29", "open closed", "", staying="cart"),
    _row("D30", "open", "SID301 SID302"),
    _row("D31", "closed", "SID301 SID302"),
    _row("D33", "route", "SID301 SID302"),
    _row("D34", "open", "SID301 SID302 SID303"),
    _row("D35", "seen", "SID301 SID302 SID303"),
    _row("D36", "route", "SID301 SID302"),
    _row("D37", "open", "SID301 SID302", Conclusion.DIFFERS, "nobody looks at names in certificates any more"),
    _row("D38", "route", "SID301 SID302 SID330"),
    _row("D39", "route", "SID301 SID302"),
    _row("D40", "open", "SID301 SID302 SID330"),
    _row("D41", "route seen", "SID301 SID302 SID330"),
    _row("D42", "route seen", "SID301 SID302 SID330"),
    _row("D43", "route", "SID301 SID302"),
    _row("D44", "route", "SID301 SID302", Conclusion.DIFFERS, "a waypoint balances for all of its clients", Severity.TRAFFIC),
    _row("D45", "open", "SID301 SID302", Conclusion.DIFFERS, "the annotation stays on the pods"),
    _row("D46", "open", "SID301 SID302", Conclusion.DIFFERS, "ztunnel lets through what it does not know", Severity.SECURITY),
    _row("D48", "open", "", Conclusion.DIFFERS, "ztunnel hides no Service"),
    _row("D49", "route", "SID301 SID302", Conclusion.DIFFERS, "a waypoint does not know its clients' labels", Severity.TRAFFIC),
    _row("D50", "route", "SID301 SID302", Conclusion.DIFFERS, "a gateway's own requests still meet its route twice", Severity.COSMETIC),
    _row("D51", "open", "SID301 SID302"),
    _row("D52", "open", "SID301 SID302"),
    _row("D53", "seen", "SID301 SID302 SID330 SID333"),
    _row("D54", "open", "SID301 SID302 SID330", Conclusion.DIFFERS, "the policies of where a route leads stand at another waypoint"),
    _row("D55", "open closed", "SID301 SID302"),
    _row("D56", "route", "SID301 SID302"),
    _row("D58", "shape", "SID301 SID302"),
    _row("D59", "route", "SID301 SID302", Conclusion.DIFFERS, "ambient has no routes for such a Service", Severity.TRAFFIC),
    _row("D60", "open", "SID301 SID302"),
    _row("D63", "open closed", "", Conclusion.DIFFERS, "ztunnel does not know whose a written address is", staying="cart"),

)  # fmt: skip
