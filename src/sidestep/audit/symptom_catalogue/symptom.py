"""What a symptom and a cause are."""

from msgspec import Struct


class Cause(Struct, frozen=True):
    """Something that brings a symptom about.

    Attributes:
        what: what happens, one sentence.
        check: how to tell by hand: a command, or where to look.
        fix: what to do about it; empty where the finding says it better.
        codes: findings that are evidence for it; empty where objects cannot tell.
    """

    what: str
    check: str
    fix: str = ""
    codes: tuple[str, ...] = ()


class Symptom(Struct, frozen=True):
    """What somebody sees.

    Attributes:
        name: stable, in kebab-case words.
        title: in one line, as a heading.
        phrases: as it is written in logs, in tools, or as people say it.
        causes: the most common first.
    """

    name: str
    title: str
    phrases: tuple[str, ...]
    causes: tuple[Cause, ...]
