"""Meshes asked one after the other, and what was found."""

import time
from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct, field
from msgspec.structs import replace
from tests.lab.fidelity.compare import Expected, differs, expected
from tests.lab.fidelity.meshes import Case, Question, case
from tests.lab.fidelity.observe import Answer, Ground, ProxyEndedError, Seen

_AGAIN = 12
_LATER = 0.5
_TRIES = 3
"""How often a mesh is asked at most because proxies ended meanwhile."""
_THOROUGH = 3
"""How many questions of a mesh that chance answers are asked until everybody has answered."""


class Manner(Struct, frozen=True):
    """How decisions of a kind are made up and compared.

    Attributes:
        case: a seed's mesh of a number, with so many questions.
        expected: what `decide` says of a question.
        differs: in which way an answer is another; empty where it is not.
        per_mesh: questions of each mesh.
    """

    case: Callable[[int, int, int], Case]
    expected: Callable[[Seen, Question], Expected]
    differs: Callable[[Seen, Question, Expected, Answer], str]
    per_mesh: int


CONNECTIONS = Manner(case, expected, differs, 100)
"""Who may connect to whom where there is no proxy of layer 7."""


class Disagreement(Struct, frozen=True):
    """A mesh, one question, and in which way packets do not what `decide` says."""

    case: Case
    what: str


class Tally(Struct):
    """What was compared so far.

    Attributes:
        compared: decisions that were observed and held against the predicted ones.
        answered: those of them that somebody answered.
        spread: those of them of which every pod that may answer was seen to.
        unknown: predictions that say they cannot tell, by reason.
        disagreements: the rest.
        ended: proxies that ended meanwhile, each in the lab's words. What was observed then counts as nothing.
        late: what was otherwise than predicted at first, and as predicted each time that it was asked again: Envoy says
            that it has an update before its workers have it, and nothing tells when they do.
    """

    compared: int = 0
    answered: int = 0
    spread: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = []
    ended: list[str] = []
    late: list[str] = []

    def add(self, other: "Tally") -> None:
        """Count what another has as well."""
        self.compared += other.compared
        self.answered += other.answered
        self.spread += other.spread
        self.unknown += other.unknown
        self.disagreements += other.disagreements
        self.ended += other.ended
        self.late += other.late


def run(ground: Ground, seed: int, decisions: int, manner: Manner = CONNECTIONS) -> Iterator[Tally]:
    """One mesh after the other, until so many decisions were compared; the tally after each."""
    tally = Tally()
    number = 0
    while tally.compared < decisions:
        check(ground, manner.case(seed, number, manner.per_mesh), tally, manner)
        number += 1
        yield tally


def check(ground: Ground, made: Case, tally: Tally, manner: Manner = CONNECTIONS) -> None:
    """Ask everything of a mesh; where a proxy ended meanwhile, once more with the one in its place.

    Raises:
        ProxyEndedError: proxies end however often it is asked.
    """
    for _ in range(_TRIES):
        found = _observed(ground, made, manner)
        ended = ground.ended()
        tally.ended += ended
        if not ended:
            tally.add(found)
            return
    raise ProxyEndedError("; ".join(tally.ended[-_TRIES:]))


def _observed(ground: Ground, made: Case, manner: Manner) -> Tally:
    seen = ground.become(made)
    awaited = [(question, manner.expected(seen, question)) for question in made.questions]
    known = [(question, each) for question, each in awaited if not each.unknown]
    answers = ground.ask(seen, [question for question, _ in known])
    found = [
        (question, manner.differs(seen, question, each, answer))
        for (question, each), answer in zip(known, answers, strict=True)
    ]
    late = [
        f"{question}: {what}"
        for (question, what), (_, each) in zip(found, known, strict=True)
        if what and not _still(ground, seen, question, each, manner)
    ]
    found = [(question, what) for question, what in found if f"{question}: {what}" not in late]
    by_chance = [(question, each) for question, each in known if each.every and len(each.answers) > 1][:_THOROUGH]
    found += [(question, everybody(ground, seen, question, each, manner)) for question, each in by_chance]
    return Tally(
        compared=len(known),
        answered=sum(bool(each.pod) for each in answers),
        spread=len(by_chance),
        unknown=Counter(each.unknown for _, each in awaited if each.unknown),
        disagreements=[
            Disagreement(Case(made.objects, (question,), made.apart), what) for question, what in found if what
        ],
        late=late,
    )


def _still(ground: Ground, seen: Seen, question: Question, awaited: Expected, manner: Manner) -> str:
    """In which way a question is answered otherwise than predicted, when it is asked again and again a bit later."""
    time.sleep(_LATER)
    answers = ground.ask(seen, [question] * _AGAIN)
    return next(filter(None, (manner.differs(seen, question, awaited, each) for each in answers)), "")


def everybody(ground: Ground, seen: Seen, question: Question, awaited: Expected, manner: Manner = CONNECTIONS) -> str:
    """In which way those who answer are not those who may; empty where each of them did, and nobody else."""
    answers = ground.ask_until(seen, question, awaited.answers)
    wrong = next(filter(None, (manner.differs(seen, question, awaited, each) for each in answers)), "")
    missed = sorted(awaited.answers - {each.pod for each in answers})
    return wrong or (f"{' and '.join(each or 'a refusal' for each in missed)} never came" if missed else "")


def disagrees(ground: Ground, made: Case, manner: Manner = CONNECTIONS) -> str:
    """In which way a mesh's only question is answered otherwise than predicted; empty where it is not.

    It is asked more than once: where chance chooses who answers, it may show in some answers only.
    """
    tally = Tally()
    check(ground, replace(made, questions=made.questions * _AGAIN), tally, manner)
    return next((each.what for each in tally.disagreements), "")
