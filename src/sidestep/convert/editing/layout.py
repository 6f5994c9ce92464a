"""Where lines, comments and columns are in a text. Positions are characters from its start."""

import re

_BLANK = re.compile(r"(?:[ \t\r\n\ufeff]+|#[^\n]*)*")
_GAP = re.compile(r"[ \t\r]*")


def skip_blank(text: str, at: int) -> int:
    """The first character from a position on that is neither white space nor comment."""
    found = _BLANK.match(text, at)
    return found.end() if found else at


def line_start(text: str, at: int) -> int:
    """Where the line of a position starts."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Where the line of a position ends, before what ends it."""
    found = text.find("\n", at)
    if found < 0:
        return len(text)
    return found - 1 if found > at and text[found - 1] == "\r" else found


def next_line(text: str, at: int) -> int:
    """Where the line after a position starts; the end of the text after the last one."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def column(text: str, at: int) -> int:
    """How many characters stand before a position on its line."""
    return at - line_start(text, at)


def leads(text: str, at: int) -> bool:
    """Whether only white space stands before a position on its line."""
    return not text[line_start(text, at) : at].strip(" \t\ufeff")


def is_last(text: str, at: int) -> bool:
    """Whether nothing, or a comment, follows a position on its line."""
    rest = text[at : line_end(text, at)].strip()
    return not rest or rest.startswith("#")


def content_end(text: str, start: int, end: int) -> int:
    """The end of the last line of what stands between two positions, with the comment that follows it there."""
    bare = start + len(text[start:end].rstrip(" \t\r\n"))
    return line_end(text, bare)


def own_comments(text: str, at: int, floor: int) -> int:
    """Where the comment lines start that stand directly above a position, in its column; never before `floor`."""
    indent, found = column(text, at), line_start(text, at)
    while found > floor:
        above = line_start(text, found - 1)
        if above < floor or _comment_column(text, above) != indent:
            break
        found = above
    return found


def deeper_comments(text: str, at: int, indent: int) -> int:
    """The end of the last comment line after a line's end that is indented deeper than a column."""
    found, here = at, next_line(text, at)
    while here < len(text):
        at_comment = _comment_column(text, here)
        if at_comment is not None:
            if at_comment <= indent:
                break
            found = line_end(text, here)
        elif not is_blank_line(text, here):
            break
        here = next_line(text, here)
    return found


def is_blank_line(text: str, start: int) -> bool:
    """Whether a line holds nothing."""
    return not text[start : line_end(text, start)].strip()


def _comment_column(text: str, start: int) -> int | None:
    """The column of the comment that a line consists of; None for any other line."""
    found = _GAP.match(text, start)
    at = found.end() if found else start
    return at - start if text[at : at + 1] == "#" else None
