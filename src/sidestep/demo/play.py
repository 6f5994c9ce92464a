"""Scenes played: both meshes brought up, the request sent, and what came of it held against what was foretold."""

import time
from collections.abc import Callable, Iterable, Iterator

from sidestep.demo.agreement import disagreements, headers_of, starts_tls, told_by, words
from sidestep.demo.result import Shown, Side
from sidestep.demo.scene import Object, Scene
from sidestep.demo.stage import Stage
from sidestep.explain.words import verdict_words
from sidestep.lab.agent.messages import Outcome
from sidestep.lab.lab import Lab, nodes
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision, Verdict
from sidestep.semantics.differences.catalogue import BY_CODE
from sidestep.semantics.hops.forwarded import XFCC
from sidestep.semantics.open_connections import goes_on

_TRIES, _PAUSE = 40, 0.5
"""What proxies are told is in force soon after, not at once: an answer that was not foretold is asked for again."""
_LOOKS, _STILL = 60, 20
"""How often it is looked whether something has come about; how many answers show that a connection goes on."""
_END: dict[bool | None, str] = {True: "goes on", False: "is cut"}
_COUNTS = (XFCC, "x-user")
Heard = Callable[[str], None]


def play(scenes: Iterable[Scene], name: str = "demo", heard: Heard = lambda _: None) -> Iterator[Shown]:
    """Scenes, one after the other; labs are brought up as they need them, and end.

    Args:
        scenes: to play.
        name: of the lab.
        heard: told what is done.

    Raises:
        UsageError, WorldError: as `Lab.up`.
    """
    waiting = list(scenes)
    while waiting:
        settings = dict(waiting[0].settings)
        with Lab((), name=name, nodes=nodes(2), **settings) as lab:
            stage = Stage(lab)
            while waiting and dict(waiting[0].settings) == settings:
                yield _played(stage, waiting.pop(0), heard)


def _played(stage: Stage, scene: Scene, heard: Heard) -> Shown:
    sides = []
    for name, objects in (("sidecars", scene.sidecars), ("ambient", scene.ambient)):
        heard(f"{scene.code} {scene.name}: {name}")
        sides.append(_side(stage, scene, name, objects))
    return Shown(scene.code, BY_CODE[scene.code].title, scene.name, scene.question.words, *sides)


def _side(stage: Stage, scene: Scene, name: str, objects: tuple[Object, ...]) -> Side:
    if scene.then:
        return _held(stage, scene, name, objects)
    index = stage.become(objects)
    decision = decide(index, stage.request(scene.question))
    outcomes, wrong = _asked(stage, scene, decision)
    foretold = verdict_words(decision, index.settings.bundle)
    if scene.secured:
        foretold += " by TLS that a proxy starts" if starts_tls(decision) else " as the application wrote it"
    return Side(name, decision.verdict.value, foretold, words(outcomes), _got(outcomes), wrong)


def _held(stage: Stage, scene: Scene, name: str, objects: tuple[Object, ...]) -> Side:
    """A connection that is open while something changes, by which another one is no longer let in."""
    before = stage.become(objects)
    request = stage.request(scene.question)
    with stage.holding(scene.question) as told:
        opened = _waited(lambda: told().answered > 0)
        after = stage.change(scene.then)
        stays = goes_on(before, after, request)
        shut = _waited(lambda: not stage.ask(scene.question)[0].ok)
        since = told()
        _waited(lambda: told().failed > 0 if stays is False else told().answered >= since.answered + _STILL)
        cut = told().failed > 0
    wrong = [] if opened else ["no connection could be opened"]
    wrong += [] if shut else ["another connection is still let in"]
    wrong += [f"it {_END[not cut]}"] if stays is not None and stays is cut else []
    verdict = Verdict.UNKNOWN if stays is None else Verdict.ALLOW if stays else Verdict.DENY
    return Side(name, verdict.value, _END.get(stays, "unknown"), _END[not cut], (), tuple(wrong))


def _waited(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within the time that it is given."""
    for _ in range(_LOOKS):
        if holds():
            return True
        time.sleep(_PAUSE)
    return holds()


def _asked(stage: Stage, scene: Scene, decision: Decision) -> tuple[list[Outcome], tuple[str, ...]]:
    for left in range(_TRIES, 0, -1):
        outcomes = stage.ask(scene.question)
        wrong = tuple(dict.fromkeys(disagreements(scene, decision, outcomes)))
        if not wrong or left == 1:
            return outcomes, wrong
        time.sleep(_PAUSE)
    raise AssertionError


def _got(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """What the application got of what proxies may change."""
    for each in outcomes:
        told = told_by(each)
        if told is not None:
            headers = headers_of(told)
            return (f"path {told['path']}", *(f"{name}: {headers[name]}" for name in _COUNTS if name in headers))
    return ()
