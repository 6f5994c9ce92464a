"""`sidestep prove --watch`: stay beside two meshes, and prove again what a change can affect."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from operator import is_
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from sidestep.cli.proofs import Ask, ask_of, proof_between
from sidestep.cli.reading import Manner, reading, tell_missing
from sidestep.cli.watched import contents, sides_of
from sidestep.errors import SidestepError, UsageError
from sidestep.model.mesh import Mesh
from sidestep.prove.held import Held
from sidestep.prove.proof import Proof
from sidestep.report.formats import Look
from sidestep.semantics.unread import not_judged
from sidestep.sources.tree import READ

LOOKS_APART = 0.5
"""Seconds between two looks, where a look takes no longer than a tenth of that."""
_SHARE = 10
_SETTLING = 0.1
_MOST_SETTLING = 20
_NAMED = 3


class Pace(Struct, frozen=True):
    """How time passes.

    Attributes:
        clock: seconds since some moment.
        sleep: waits for so many.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Shown(Struct, frozen=True):
    """What came of printing a proof.

    Attributes:
        code: with which the command ends after it.
        is_read: whether anybody reads more.
    """

    code: int
    is_read: bool = True


class Watch:
    """Proves, and proves again whenever anything has changed.

    Args:
        values: options of the command.
        show: prints a proof, after a text.
        apart: stands before every proof but the first.
        pace: how time passes.
    """

    def __init__(
        self,
        values: dict[str, Any],
        show: Callable[[Proof, str], Shown],
        apart: str = "",
        pace: Pace = Pace(),  # noqa: B008
    ) -> None:
        if values["plan"] is not None:
            raise UsageError("only two meshes are watched", where="--plan", remedy="leave out --watch")
        self._values, self._show, self._apart, self._pace = values, show, apart, pace
        self._ask = ask_of(values)
        self._sides = sides_of(self._ask.sources)
        _check_out(values["out"], self._ask)
        self._options = (*values["invariants"], *values["accepted"])
        self._asked = contents(self._options)
        self._held = Held(stays=True)
        self._seen = pace.clock()
        self._changed: list[str] = []
        self._proved_of: list[Mesh] = []
        self._shown = Shown(1)
        self._noticed: dict[int, object] = {}

    def run(self) -> int:
        """Until somebody ends it; how the last proof ended.

        Raises:
            SidestepError: the first proof does not come about.
        """
        self._prove(self._read([each.look() for each in self._sides]))
        if not self._ask.manner.quiet:
            click.echo("watching: what changes is proved again, until Ctrl-C", err=True)
        try:
            while self._shown.is_read:
                self._again(self._wait())
        except KeyboardInterrupt:
            pass
        return self._shown.code

    def _wait(self) -> list[Any]:
        """What is seen when anything has changed, and nothing changes any more."""
        taken = 0.0
        while True:
            self._pace.sleep(max(LOOKS_APART, taken * _SHARE))
            self._seen = self._pace.clock()
            sights = self._look()
            if not self._is_held(sights):
                return self._settled(sights)
            taken = self._pace.clock() - self._seen

    def _settled(self, sights: list[Any]) -> list[Any]:
        """The same when nothing changes any more, or everything does all the time."""
        held = [each.holds(sight) for each, sight in zip(self._sides, sights, strict=False)]
        for _ in range(_MOST_SETTLING):
            self._pace.sleep(_SETTLING)
            looked = [sights[at] if held[at] else side.look() for at, side in enumerate(self._sides)]
            last, sights = sights, [*looked, contents(self._options)]
            if sights == last:
                break
        return sights

    def _look(self) -> list[Any]:
        return [*(each.look() for each in self._sides), contents(self._options)]

    def _is_held(self, sights: list[Any]) -> bool:
        held = all(each.holds(sight) for each, sight in zip(self._sides, sights, strict=False))
        return held and sights[-1] == self._asked

    def _again(self, sights: list[Any]) -> None:
        """Prove again, unless nothing says anything else; what is wrong for the moment is told."""
        if sights[-1] != self._asked:
            pairs = zip(self._options, self._asked, sights[-1], strict=True)
            self._changed += [name for name, one, other in pairs if one != other]
            self._asked, self._proved_of = sights[-1], []
        try:
            read = self._read(sights)
            self._ask = ask_of(self._values)
            if not (self._proved_of and all(map(is_, read, self._proved_of))):
                self._prove(read, again=True)
        except SidestepError as error:
            self._shown, self._proved_of = Shown(1), []
            click.echo(f"error: {error}", err=True)

    def _prove(self, read: list[Mesh], *, again: bool = False) -> None:
        """Prove, and show it."""
        ask = self._ask
        for at, mesh in enumerate(read):
            self._tell(at, mesh)
        proof = proof_between(ask, read, self._held)
        self._shown = self._show(proof, self._apart if again else "")
        if again and not ask.manner.quiet:
            seconds = self._pace.clock() - self._seen
            click.echo(f"changed: {_named(self._changed)}; proved again in {seconds:.1f} s", err=True)
        self._proved_of, self._changed = read, []

    def _tell(self, side: int, mesh: Mesh) -> None:
        """What a mesh lacks, and what was noticed of it unless that was told of its side before."""
        noticed, manner = (mesh.remarks, mesh.skipped_secrets, tuple(not_judged(mesh))), self._ask.manner
        if self._noticed.get(side) == noticed:
            manner = Manner(quiet=True)
        self._noticed[side] = noticed
        tell_missing(mesh, manner, require_complete=self._ask.whole)

    def _read(self, sights: list[Any]) -> list[Mesh]:
        """Both meshes; where one cannot be had, what has changed of the other is known all the same."""
        read: list[Mesh] = []
        wrong: list[SidestepError] = []
        for side, sight in zip(self._sides, sights, strict=False):
            try:
                read.append(reading(partial(side.read, sight), self._ask.manner))
            except SidestepError as error:
                wrong.append(error)
            self._changed += side.changed
        if wrong:
            raise wrong[0]
        return read


def between(form: str, look: Look) -> str:
    """What keeps one answer apart from the next where they are printed one after the other."""
    return {"table": f"\n{'─' * look.width}\n", "yaml": "---\n"}.get(form, "")


def _named(changed: Sequence[str]) -> str:
    names = tuple(dict.fromkeys(changed))
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _check_out(path: str | None, ask: Ask) -> None:
    """A result that is written where meshes are read would be one of them.

    Raises:
        UsageError: it would be.
    """
    if path is None or path == "-" or not path.endswith(READ):
        return
    place = Path(path).resolve()
    for root in (Path(each) for source in ask.sources for each in source.paths):
        if root.exists() and place.is_relative_to(root.resolve()):
            raise UsageError(
                "would be read as part of a mesh", where=path, remedy="write it outside of what is watched"
            )
