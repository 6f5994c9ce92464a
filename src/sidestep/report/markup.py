"""GitHub-flavoured Markdown from words that came from outside."""

import re
from collections.abc import Sequence

LONGEST_TEXT = 400
_ESCAPED = str.maketrans(
    {**{mark: f"\\{mark}" for mark in "\\`*_[]|~#!"}, "<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}
)
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_BACKTICKS = re.compile(r"`+")


def row(cells: Sequence[str]) -> str:
    """A line of a table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str, longest: int = LONGEST_TEXT) -> str:
    """Words which may not become markup, links or mentions, nor fill the page."""
    line = _BLANKS.sub(" ", text)
    short = line if len(line) <= longest else line[:longest] + "…"
    return short.translate(_ESCAPED)


def fenced(lines: Sequence[str], language: str) -> str:
    """Lines as code; the fence is longer than any in them."""
    body = "\n".join(lines)
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(body)), default=0))
    return f"{fence}{language}\n{body}\n{fence}"
