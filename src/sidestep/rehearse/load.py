"""What is sent in a lab while a plan is carried out: the first requests, the pace, and the end."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sidestep.errors import WorldError
from sidestep.lab.agent.messages import Row
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.rehearse.counting import First, firsts
from sidestep.rehearse.pace import LEAST, carried, found_share, gently, in_words, part_of, raised
from sidestep.rehearse.question import Question

_FIRST, _ROUNDS = 4.0, 6
"""Seconds of the first requests, by which it is seen which are answered as decided; and how often it is looked."""
_ODD = {First.OTHERWISE: "not answered as decided", First.UNTOLD: "not answered at all"}
_TRIES, _STRETCH = 3, 3
"""How often it is looked whether a pace is carried, for what waits from before takes time, too; at how many seconds."""
_LATE = 2
"""Seconds until rows of a second have come."""
_PATIENCE = 12.0
"""Seconds after the last request in which its answer may come."""
_NEARLY_ALL = 0.98


class Load:
    """All that is sent.

    Args:
        speaker: to the lab.
        questions: what, and how often where the machine carries it.
        heard: told what is done, in words.

    Attributes:
        questions: by name; those that are not answered as decided before any step are sent no more.
    """

    def __init__(self, speaker: Client, questions: tuple[Question, ...], heard: Callable[[str], None]) -> None:
        self.questions = {each.name: each for each in questions}
        self._speaker, self._heard = speaker, heard
        self._share: float | None = LEAST

    def rows(self, since: int) -> list[Row]:
        """What was counted, from a second on."""
        found: list[dict[str, Any]] = self._speaker.ask(api.Driven(since))
        return msgspec.convert(found, list[Row], strict=False)

    def begin(self) -> tuple[str, ...]:
        """Send, and find the pace; what is said of both.

        Raises:
            WorldError: nothing is answered as decided.
        """
        return (*self._check(), *self._pace())

    def raise_again(self) -> None:
        """Send more where the machine did other things before and does not any more."""
        if self._share is None or self._share >= 1:
            return
        before = self._share
        self._share = raised(before, lambda share: self._carries(share, tries=1))
        self._drive(part_of(self.questions, self._share))
        if self._share > before:
            self._heard(f"{self._share / before:.1f} times as many requests a second as before")

    def end(self, last: float) -> None:
        """Send nothing any more, and wait until nearly all that was due in the last seconds has ended.

        Args:
            last: Unix time until which it counts.
        """
        sent = part_of(self.questions, self._share or LEAST)
        self._speaker.ask(api.Drive([]))
        due = sum(each.rate for each in sent.values() if each.allowed) * _NEARLY_ALL
        first, over = int(last) - 3, int(last) - 1
        for _ in range(int(_PATIENCE)):
            time.sleep(1)
            ended = sum(row.sent for row in self.rows(first) if row.second <= over and self._is_load(row.edge))
            if ended >= due * (over - first + 1):
                return

    def _drive(self, sent: Mapping[str, Question]) -> None:
        self._speaker.ask(api.Drive([each.edge() for each in sent.values()]))

    def _check(self) -> tuple[str, ...]:
        """What is not answered as decided although nothing has happened yet is said, and sent no more.

        Few are sent: what a machine does not carry is not yet known.
        """
        self._heard("sending the first requests")
        began, first = int(time.time()), dict[str, First]()
        self._drive(gently(self.questions))
        for _ in range(_ROUNDS):
            time.sleep(_FIRST)
            first = firsts(self.questions, self.rows(began))
            if First.UNTOLD not in first.values():
                break
        odd = sorted(name for name, each in first.items() if each is not First.AS_DECIDED)
        if odd and not any(each.allowed for name, each in self.questions.items() if name not in odd):
            raise WorldError(
                f"the lab answers nothing as decided, {odd[0]} to begin with",
                remedy="bring it up (sidestep lab up) and look, or give it a machine that does nothing else",
            )
        for name in odd:
            del self.questions[name]
        return tuple(f"{name}: in the lab it is {_ODD[first[name]]}, before any step" for name in odd)

    def _pace(self) -> tuple[str, ...]:
        """As much as this machine answers in time; what is said of it."""
        self._heard("finding out how many requests a second this machine carries")
        self._share = found_share(self._carries)
        self._drive(part_of(self.questions, self._share or LEAST))
        return in_words(self.questions, self._share)

    def _carries(self, share: float, tries: int = _TRIES) -> bool:
        sent = part_of(self.questions, share)
        self._drive(sent)
        time.sleep(_LATE)
        for _ in range(tries):
            time.sleep(_STRETCH + 1)
            end = int(time.time()) - _LATE
            rows = [row for row in self.rows(end - _STRETCH) if row.second < end]
            if carried(sent, rows, _STRETCH):
                return True
        return False

    def _is_load(self, name: str) -> bool:
        question = self.questions.get(name)
        return question is not None and question.allowed
