"""Invariants as they are written: sentences about who reaches what."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.errors import WorldError

API_VERSION, KIND = "sidestep.dev/v1", "Invariants"
_REMEDY = "see docs/guides/read-a-counterexample.md for the sentences that can be written"
_HEAD, _KEYS = {"apiVersion", "kind", "invariants"}, {"name", "assert"}
_TO = r"(?P<to>\S+)"
_PATH = r"(?: path (?P<path>/\S*))?"
_WITH = r"(?: with (?P<methods>[A-Z]+(?: ?, ?[A-Z]+)*))?"
_LIST = r"\[[^\]]*\]|\S+(?: ?, ?\S+)*"
_SPACE = re.compile(r"\s+")
_METHOD = re.compile(r"[A-Z]+")


class Rule(StrEnum):
    """What an invariant asserts."""

    NOBODY_ELSE = "nobody else reaches it"
    METHODS = "only these methods reach it"
    TOKEN = "every request carries a token"  # noqa: S105 - words, no secret
    REACHES = "these reach it"


_FORMS: tuple[tuple[Rule, re.Pattern[str]], ...] = (
    (
        Rule.NOBODY_ELSE,
        re.compile(
            rf"nobody(?: (?:except|but) (?P<who>{_LIST})| outside ns (?P<spaces>{_LIST}))? reaches {_TO}{_WITH}{_PATH}"
        ),
    ),
    (Rule.METHODS, re.compile(rf"only (?P<methods>[A-Z]+(?: ?, ?[A-Z]+)*) reach(?:es)? {_TO}{_PATH}")),
    (Rule.NOBODY_ELSE, re.compile(rf"only (?P<who>{_LIST}) reach(?:es)? {_TO}{_WITH}{_PATH}")),
    (
        Rule.TOKEN,
        re.compile(
            rf"every request to {_TO}{_PATH} carries a (?:JWT|token)(?: from (?:issuer )?(?P<issuers>{_LIST}))?"
        ),
    ),
    (Rule.REACHES, re.compile(rf"(?P<who>{_LIST}) reach(?:es)? {_TO}{_WITH}{_PATH}")),
)


class Invariant(Struct, frozen=True):
    """One assertion.

    Attributes:
        name: of it; its text where it has none.
        text: as written.
        rule: what it asserts.
        destination: `namespace/service`, a service or a host, each with `:port` or for all ports; may hold `*`.
        clients: who may, or who must: `namespace/workload`, `sa:namespace/account`, `gateway:namespace/name`,
            `outside`, `node`; may hold `*`.
        methods: that it is about; empty for all.
        path: that it is about: `*` is a part of one segment, `**` is everything that follows; empty for all.
        issuers: of tokens; empty for any.
        where: it stands.
    """

    name: str
    text: str
    rule: Rule
    destination: str
    clients: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    path: str = ""
    issuers: tuple[str, ...] = ()
    where: str = ""


def invariants_in(tree: object, where: str) -> tuple[Invariant, ...]:
    """The invariants of a file.

    Args:
        tree: what the YAML or JSON of the file says.
        where: its path, for messages.

    Raises:
        WorldError: it is no file of invariants, or a sentence has no meaning.
    """
    if not isinstance(tree, dict) or tree.get("kind") != KIND or tree.get("apiVersion") != API_VERSION:
        raise WorldError(f"is no file of {KIND} of {API_VERSION}", where=where, remedy=_REMEDY)
    _check_keys(tree, _HEAD, where)
    listed = tree.get("invariants")
    if not isinstance(listed, list) or not listed:
        raise WorldError("invariants is no list, or is empty", where=where, remedy=_REMEDY)
    return tuple(_invariant(each, f"{where} invariants[{place}]") for place, each in enumerate(listed))


def _invariant(tree: object, where: str) -> Invariant:
    if isinstance(tree, str):
        return sentence(tree, "", where)
    if not isinstance(tree, dict):
        raise WorldError("is neither a sentence nor a mapping", where=where, remedy=_REMEDY)
    _check_keys(tree, _KEYS, where)
    name, text = tree.get("name", ""), tree.get("assert")
    if not isinstance(text, str) or not isinstance(name, str):
        raise WorldError("name and assert must be texts", where=where, remedy=_REMEDY)
    return sentence(text, name.strip(), where)


def sentence(text: str, name: str = "", where: str = "") -> Invariant:
    """The invariant that a sentence states.

    Raises:
        WorldError: it has none of the forms.
    """
    plain = _SPACE.sub(" ", text).strip().removesuffix(".")
    for rule, form in _FORMS:
        found = form.fullmatch(plain)
        if found:
            return _made(rule, found.groupdict(), plain, name, where)
    raise WorldError(f"{plain!r} is no assertion that is known", where=where, remedy=_REMEDY)


def _made(rule: Rule, parts: Mapping[str, str | None], text: str, name: str, where: str) -> Invariant:
    spaces = [f"{space}/*" for space in _listed(parts.get("spaces"))]
    clients = (*_listed(parts.get("who")), *spaces)
    wrong = [each for each in clients if not _is_client(each)]
    if wrong:
        remedy = "write NS/WORKLOAD, sa:NS/ACCOUNT, gateway:NS/NAME, outside or node"
        raise WorldError(f"{wrong[0]!r} names no client", where=where, remedy=remedy)
    return Invariant(
        name or text,
        text,
        rule,
        parts.get("to") or "",
        clients,
        tuple(_listed(parts.get("methods"))),
        parts.get("path") or "",
        tuple(_listed(parts.get("issuers"))),
        where,
    )


def _is_client(text: str) -> bool:
    return text in ("outside", "node", "*") or text.count("/") == 1


def _listed(text: str | None) -> Iterator[str]:
    """The members of a list, with or without brackets; `ns NAME` is the whole of a namespace."""
    for each in (text or "").removeprefix("[").removesuffix("]").split(","):
        word = each.strip()
        if word:
            yield f"{word.removeprefix('ns ')}/*" if word.startswith("ns ") else word


def path_pattern(path: str) -> str:
    """A path of an invariant as a regular expression: `*` within a segment, `**` anything."""
    parts = re.split(r"(\*\*|\*)", path)
    return "".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)


def _check_keys(tree: Mapping[Any, Any], known: set[str], where: str) -> None:
    strange = [str(key) for key in tree if key not in known]
    if strange:
        raise WorldError(f"{strange[0]!r} is no field here", where=where, remedy=f"use {', '.join(sorted(known))}")
