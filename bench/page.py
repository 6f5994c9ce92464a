"""Tables in docs/performance.md, each between two marks."""

from collections.abc import Iterable
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def markdown(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    named = list(titles)
    lines = [f"| {' | '.join(named)} |", f"| --- |{' ---: |' * (len(named) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def renew(name: str, table: str) -> None:
    """Put a table in place of the one of that name."""
    opened, closed = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, mark, rest = PAGE.read_text().partition(opened)
    _, end, after = rest.partition(closed)
    if not (mark and end):
        raise SystemExit(f"{PAGE}: no place for the table of {name}")
    PAGE.write_text(before + mark + table + end + after)
