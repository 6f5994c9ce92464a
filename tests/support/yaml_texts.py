"""Manifests in every manner of writing YAML, for property tests of edits in place."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

WORDS = ("a", "app", "version", "istio.io/rev", "x y", "n", "yes", "1", "0777", "null", "", "#no", "a: b", "- z", "it's",
         'say "x"', "é😀", "{{", "*", "&a", "!t", "%", "@", "2001-12-14", "1:30", "trailing ", " leading", "back\\slash", "tab\tbed", "a#b", "a,b", "[x]")  # fmt: skip
KEYS = ("name", "app", "labels", "spec", "istio.io/rev", "y", "x y", "1", "http", "port", "match", "uri")
scalars = st.one_of(
    st.sampled_from(WORDS),
    st.integers(-5, 70000),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(("one\ntwo\n", "one\n\n  two", "x\n\n", "tail \nx", "\nlead")),
    st.text(max_size=8).filter(lambda text: "\x00" not in text and text.isprintable()),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=14,
)
trees = st.dictionaries(st.sampled_from(KEYS), values, min_size=1, max_size=5)


@st.composite
def texts(draw: Any, tree: Any) -> str:
    """A text that says a tree, in some manner."""
    return _Writer(draw).document(tree)


@st.composite
def changed(draw: Any, tree: Any) -> Any:
    """A tree that differs in a place or some: a leaf, an entry more, an entry less, another subtree."""
    found = json.loads(json.dumps(tree))
    for _ in range(draw(st.integers(1, 3))):
        found = _change(draw, found, 0)
    return found


def _change(draw: Any, value: Any, depth: int) -> Any:
    if isinstance(value, dict | list) and value and draw(st.integers(0, 5)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        what = draw(st.sampled_from(("deeper", "deeper", "remove", "add", "replace")))
        if what == "deeper":
            value[key] = _change(draw, value[key], depth + 1)
        elif what == "remove" and (depth or len(value) > 1):
            value.pop(key)
        elif what == "replace":
            value[key] = draw(values)
        elif isinstance(value, dict):
            value[draw(st.sampled_from((*KEYS, "new-one")))] = draw(values)
        else:
            value.insert(key, draw(values))
        return value
    return draw(trees) if depth == 0 else draw(values)


class _Writer:
    """Writes one document with the means of YAML, as chance has it."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self._step = draw(st.sampled_from((2, 2, 4, 1)))
        self._indented = draw(st.booleans())
        self._newline = draw(st.sampled_from(("\n", "\n", "\n", "\r\n")))
        self._count = 0

    def document(self, tree: Any) -> str:
        lines = self._block(tree, 0) if tree else [self._flow(tree)]
        head = self._draw(st.sampled_from(([], ["---"], ["# licence", "---"], ["# about", ""])))
        tail = self._draw(st.sampled_from(([], ["# end"], ["..."], [""])))
        text = self._newline.join([*head, *lines, *tail])
        # A literal block at the end needs its line end.
        return self._draw(st.sampled_from(("", "", "\ufeff"))) + text + self._newline

    def _one(self, *choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))

    def _comment(self, column: int) -> list[str]:
        self._count += 1
        return self._one(
            [],
            [],
            [],
            [""],
            [" " * column + f"# note {self._count}"],
            [" " * column + f"# two {self._count}", " " * column + "#"],
        )

    def _tail(self) -> str:
        self._count += 1
        return self._one("", "", "", f" # tail {self._count}", "  ")

    def _block(self, value: Any, column: int) -> list[str]:
        lines: list[str] = []
        pad = " " * column
        if isinstance(value, dict):
            for key, member in value.items():
                lines += self._comment(column)
                lines += self._below(f"{pad}{self._key(key)}:", member, column, is_item=False)
            return lines
        for member in value:
            lines += self._comment(column)
            lines += self._below(f"{pad}-", member, column, is_item=True)
        return lines

    def _below(self, head: str, member: Any, column: int, *, is_item: bool) -> list[str]:
        if isinstance(member, dict | list) and member and self._one(True, True, False):
            if is_item and self._one(True, True, False):
                first, *rest = self._compact(member, column + 2)
                return [f"{head} {first}", *rest]
            shift = 0 if isinstance(member, list) and not self._indented and not is_item else self._step
            anchor = self._anchor()
            return [f"{head}{anchor}{self._tail()}", *self._block(member, column + shift)]
        if isinstance(member, str) and self._literal(member) and self._one(True, True, False):
            body = member.rstrip("\n")
            ends = len(member) - len(body)
            lines = [" " * (column + self._step) + line if line else "" for line in body.split("\n")]
            return [f"{head} |{('-', '')[ends]}", *lines]
        if member is None and self._one(True, False):
            return [f"{head}{self._tail()}"]
        gap = self._one(" ", " ", "   ")
        return [f"{head}{self._anchor()}{gap}{self._flow(member, in_flow=False)}{self._tail()}"]

    def _compact(self, member: Any, column: int) -> list[str]:
        lines = self._block(member, column)
        while lines and (not lines[0].strip() or lines[0].lstrip().startswith("#")):
            lines.pop(0)
        return [lines[0].lstrip(" "), *lines[1:]]

    def _anchor(self) -> str:
        self._count += 1
        return self._one("", "", "", "", f" &a{self._count}")

    @staticmethod
    def _literal(text: str) -> bool:
        return (
            "\n" in text
            and bool(text.strip())
            and text[0] not in " \n"
            and " \n" not in text
            and not text.endswith((" ", "\n\n"))
        )

    def _key(self, key: str) -> str:
        if key in ("y", "1"):
            return self._one(json.dumps(key), f"'{key}'")
        return self._one(key, key, json.dumps(key), f"'{key}'")

    def _flow(self, value: Any, *, in_flow: bool = True) -> str:
        if isinstance(value, dict):
            members = [f"{self._key(key)}: {self._flow(member)}" for key, member in value.items()]
            return "{" + self._one(", ", ",  ").join(members) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self._flow(member) for member in value) + self._one("]", " ]")
        if isinstance(value, str):
            return self._text(value)
        return self._one("null", "~") if value is None else json.dumps(value)

    def _text(self, text: str) -> str:
        choices = ['"' + json.dumps(text, ensure_ascii=True)[1:-1].replace("\\ud83d\\ude00", "\\U0001f600") + '"']
        if text.isprintable() and text.isascii():
            choices.append("'" + text.replace("'", "''") + "'")
        if text.isalpha() and text.isascii() and text in KEYS and len(text) > 3:
            choices += [text, text]
        if any("\ud800" <= letter <= "\udfff" or ord(letter) > 0xFFFF for letter in text):
            choices = ['"' + "".join(f"\\U{ord(letter):08x}" for letter in text) + '"']
        return self._one(*choices)


def manifests(corpus: Path) -> list[Path]:
    """All YAML of the corpus, injected pods included."""
    return sorted(path for path in corpus.rglob("*") if path.suffix in (".yaml", ".injected"))
