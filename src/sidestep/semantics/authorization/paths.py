"""Paths as a proxy normalises them before it judges and forwards.

Source: istio-semantics.md §3.3; Envoy source/common/http/path_utility.cc, whose canonical form is that of URLs: dot
segments resolved (`%2e` counts as a dot), backslashes turned, and characters that no path may hold escaped.
"""

import re
from functools import lru_cache

from sidestep.semantics.path_normalisation import PathNormalisation

_ESCAPED_SLASH = re.compile(r"%2[fF]|%5[cC]")
_SLASHES = re.compile(r"/{2,}")
_DOT = re.compile(r"%2[eE]")
_TO_ESCAPE = frozenset(' "<>`{}') | {chr(code) for code in (*range(0x20), 0x7F)}


@lru_cache(maxsize=16384)
def normalise(path: str, how: PathNormalisation) -> str | None:
    """A path as it is judged, query kept; None where the proxy answers 400."""
    if how is PathNormalisation.NONE:
        return path
    bare, mark, query = path.partition("?")
    if not bare.startswith("/"):
        return None
    if how is PathNormalisation.DECODE_AND_MERGE_SLASHES:
        bare = _ESCAPED_SLASH.sub(lambda found: "/" if found[0][1] == "2" else "\\", bare)
    bare = _canonical(bare.replace("\\", "/"))
    if how in (PathNormalisation.MERGE_SLASHES, PathNormalisation.DECODE_AND_MERGE_SLASHES):
        bare = _SLASHES.sub("/", bare)
    return f"{bare}{mark}{query}"


def _canonical(path: str) -> str:
    """Without dot segments, and with what no path may hold escaped."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for place, segment in enumerate(segments):
        plain = _DOT.sub(".", segment)
        last = place == len(segments) - 1
        if plain in (".", ".."):
            if plain == ".." and kept:
                kept.pop()
            if last:
                kept.append("")
        else:
            kept.append(_escaped(segment))
    return "/" + "/".join(kept)


def _escaped(segment: str) -> str:
    if not any(char in _TO_ESCAPE or ord(char) > 0x7F for char in segment):
        return segment
    return "".join(
        "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
        if char in _TO_ESCAPE or ord(char) > 0x7F
        else char
        for char in segment
    )
