"""What is told of each state: the verdict, one picture for each way that differs, and all ways."""

from msgspec import Struct

from sidestep.explain.explanation import StateReport, Way
from sidestep.report.explanation.stops import Sign, Stop, stops, title, verdict_line, way_line, ways_apart


class Picture(Struct, frozen=True):
    """One way from the client to its end.

    Attributes:
        head: which way it is; empty for the only one.
        stops: in order.
        sign: of the way.
        end: what becomes of the request, in a few words.
    """

    head: str
    stops: tuple[Stop, ...]
    sign: Sign
    end: str


class StateView(Struct, frozen=True):
    """One state.

    Attributes:
        title: which it is.
        sign: of the answer.
        verdict: in words.
        sentence: the verdict with its reason.
        pictures: of ways that differ; never empty.
        ways: all of them, where the pictures do not show them one by one.
        unknowns: what is not known, where that is more than the sentence says.
    """

    title: str
    sign: Sign
    verdict: str
    sentence: str
    pictures: tuple[Picture, ...]
    ways: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()


def view(state: StateReport) -> StateView:
    """One state."""
    sign, apart = Sign(state.verdict), ways_apart(state)
    several = len(apart) > 1
    pictures = tuple(map(_of_way, apart)) if several else (_of_state(state, sign),)
    return StateView(
        title(state),
        sign,
        verdict_line(state),
        _sentence(state.why),
        pictures,
        tuple(map(way_line, state.ways)) if len(state.ways) > len(apart) else (),
        state.unknowns if sign is Sign.UNKNOWN and len(state.unknowns) > 1 else (),
    )


def _of_state(state: StateReport, sign: Sign) -> Picture:
    ends = dict.fromkeys(_end(way) for way in state.ways)
    return _picture("", stops(state.path, state.route), sign, ", ".join(ends) or state.path[-1].at)


def _of_way(way: Way) -> Picture:
    return _picture(way_line(way), stops(way.path, way.route), Sign(way.verdict), _end(way))


def _picture(head: str, drawn: tuple[Stop, ...], sign: Sign, end: str) -> Picture:
    told = f"reaches {end}" if sign is Sign.ALLOW else f"{sign.word} at {drawn[-1].name}"
    return Picture(head, drawn, sign, told)


def _end(way: Way) -> str:
    return way.destination or way.path[-1].at


def _sentence(why: str) -> str:
    return f"It {why}." if why.startswith(("reaches", "does not")) else f"{why[:1].upper()}{why[1:]}."
