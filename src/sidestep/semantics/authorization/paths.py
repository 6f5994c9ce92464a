"""Paths as a proxy normalises them before it judges and forwards.

Source: a real Envoy 1.40, byte for byte on random paths (tests/differential), whose canonical form is that of URLs: dot
segments resolved (`%2e` counts as a dot, and `..;x` as `..`), backslashes turned, escapes of unreserved characters
undone, and characters that no path may hold escaped.
"""

import re
from functools import lru_cache

from sidestep.semantics.path_normalisation import PathNormalisation

_ESCAPED_SLASH = re.compile(r"%2[fF]|%5[cC]")
_SLASHES = re.compile(r"/{2,}")
_DOT = re.compile(r"%2[eE]")
_DOTS_WITH_PARAMETER = re.compile(r"/(\.\.?);[^/]*")
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HEX = frozenset("0123456789abcdefABCDEF")
_FORBIDDEN = re.compile(r'[\x00-\x20"<>`{}|^\x7f]')
_NUL = "%00"
_CANONICAL = re.compile(r"(?:/[\w\-~][\w\-~.]*)+/?(?:\?.*)?", re.ASCII | re.DOTALL)
"""Paths that every normalisation leaves alone: unreserved characters, no segment that is empty or opens with a dot."""
_MERGING = (PathNormalisation.MERGE_SLASHES, PathNormalisation.DECODE_AND_MERGE_SLASHES)


@lru_cache(maxsize=16384)
def normalise(path: str, how: PathNormalisation) -> str | None:
    """A path as it is judged, query kept; None where the proxy answers 400."""
    if "#" in path or not path.isascii():
        return None
    if how is PathNormalisation.NONE or _CANONICAL.fullmatch(path):
        return path
    bare, mark, query = path.partition("?")
    if not bare.startswith("/"):
        return None
    if how is PathNormalisation.DECODE_AND_MERGE_SLASHES:
        bare = _ESCAPED_SLASH.sub(lambda found: "/" if found[0][1] == "2" else "\\", bare)
    bare = _DOTS_WITH_PARAMETER.sub(r"/\1", bare)
    if _NUL in bare:
        return None
    bare = _canonical(bare.replace("\\", "/"))
    return f"{_merged(bare) if how in _MERGING else bare}{mark}{query}"


def _merged(path: str) -> str:
    """Without empty segments; of slashes alone two are left, as Envoy leaves them."""
    if path != "/" and not path.strip("/"):
        return "//"
    return _SLASHES.sub("/", path)


def _canonical(path: str) -> str:
    """Without dot segments, each segment in its canonical spelling."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for place, segment in enumerate(segments):
        plain = _DOT.sub(".", segment)
        if plain in (".", ".."):
            if plain == ".." and kept:
                kept.pop()
            if place == len(segments) - 1:
                kept.append("")
        else:
            kept.append(_spelled(segment))
    return "/" + "/".join(kept)


def _spelled(segment: str) -> str:
    """Unreserved characters as they are, forbidden ones escaped."""
    if "%" not in segment:
        return _FORBIDDEN.sub(_escaped, segment)
    return "".join(_joined(_pieces(segment)))


def _pieces(segment: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it came out of an escape."""
    found, at = [], 0
    for escape in _ESCAPE.finditer(segment):
        found += [(char, False) for char in segment[at : escape.start()]]
        char = chr(int(escape[1], 16))
        found.append((char, True) if char in _UNRESERVED else (escape[0], False))
        at = escape.end()
    return found + [(char, False) for char in segment[at:]]


def _joined(pieces: list[tuple[str, bool]]) -> list[str]:
    """Together again; a percent sign that would begin an escape only now is escaped itself."""
    joined = []
    for place, (text, undone) in enumerate(pieces):
        after = pieces[place + 1 : place + 3]
        begins = text == "%" and not undone and len(after) == 2 and all(each in _HEX for each, _ in after)
        if begins and any(came_out for _, came_out in after):
            joined.append("%25")
        else:
            joined.append(text if undone or len(text) > 1 else _FORBIDDEN.sub(_escaped, text))
    return joined


def _escaped(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"
