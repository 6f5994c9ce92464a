"""Matchers of one string, address or port: the leaves of every policy.

Each is data, so that a proof can reason about it, and answers `matches` for one concrete value. The forms are those
of Istio's generator (pilot/pkg/security/authz/matcher), and the answers those of Envoy's StringMatcher and CidrRange.
"""

import re
from functools import cached_property, lru_cache
from ipaddress import ip_address, ip_network

from msgspec import Struct

from sidestep.semantics.authorization.templates import template_matches
from sidestep.semantics.patterns import Pattern, compiled

_LENGTH = re.compile(r"^[^/]*(?:/(?:0|[1-9][0-9]{0,2}))?\Z")


class Exact(Struct, frozen=True):
    """The value itself."""

    text: str

    def matches(self, value: str) -> bool:
        """Whether a value is it."""
        return value == self.text


class Prefix(Struct, frozen=True):
    """A value that begins so."""

    text: str

    def matches(self, value: str) -> bool:
        """Whether a value begins so."""
        return value.startswith(self.text)


class Suffix(Struct, frozen=True):
    """A value that ends so."""

    text: str

    def matches(self, value: str) -> bool:
        """Whether a value ends so."""
        return value.endswith(self.text)


class Present(Struct, frozen=True):
    """Any value; one of no characters only where `empty` says so (headers are present even when empty)."""

    empty: bool = False

    def matches(self, value: str) -> bool:
        """Whether there is a value."""
        return self.empty or bool(value)


class Pieces(Struct, frozen=True):
    """Pieces that occur one after the other, with anything between them; the first and the last are anchored.

    The regular expressions that Istio makes of namespaces are of this shape; a scan finds them in linear time.
    """

    parts: tuple[str, ...]

    def matches(self, value: str) -> bool:
        """Whether the pieces are found in order."""
        first, *middle, last = self.parts
        if len(value) < len(first) + len(last) or not (value.startswith(first) and value.endswith(last)):
            return False
        at, end = len(first), len(value) - len(last)
        for part in middle:
            found = value.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


class Regex(Struct, frozen=True, dict=True):
    """A regular expression in RE2's syntax that matches the whole value; one that RE2 refuses matches nothing."""

    text: str

    def matches(self, value: str) -> bool:
        """Whether it matches the whole value."""
        return self._compiled is not None and self._compiled.fullmatch(value) is not None

    @cached_property
    def _compiled(self) -> Pattern | None:
        return compiled(self.text)


class IssuerSubject(Struct, frozen=True):
    """A token's issuer and subject, as `requestPrincipals` names them together."""

    issuer: "StringMatcher"
    subject: "StringMatcher"


class Template(Struct, frozen=True):
    """A path template with `{*}` (one segment) and `{**}` (any number of them)."""

    text: str

    def matches(self, value: str) -> bool:
        """Whether a path has that form."""
        return template_matches(self.text, value)


class Cidr(Struct, frozen=True, dict=True):
    """A range of addresses."""

    text: str

    def matches(self, value: str) -> bool:
        """Whether an address lies in it; an address of the other family does not."""
        version, number = address_number(value)
        own_version, first, shift = self._range
        return version == own_version and (number >> shift) == first

    @cached_property
    def _range(self) -> tuple[int, int, int]:
        network = ip_network(self.text, strict=False)
        shift = network.max_prefixlen - network.prefixlen
        return network.version, int(network.network_address) >> shift, shift


StringMatcher = Exact | Prefix | Suffix | Present | Pieces | Regex | Template | Cidr


@lru_cache(maxsize=65536)
def address_number(text: str) -> tuple[int, int]:
    """Version and number of an address; version 0 for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return 0, 0
    return address.version, int(address)


def is_cidr(text: str) -> bool:
    """Whether Istio can read an IP block, or a single address.

    Go's `netip.ParsePrefix` takes neither netmasks, nor lengths with a leading zero, nor zones, which Python does.
    Source: pkg/config/validation/agent (ValidateIPSubnet), pilot/pkg/networking/util (AddrStrToPrefix).
    """
    if not _LENGTH.search(text) or ("/" in text and "%" in text):
        return False
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=65536)
def string_matcher(text: str, *, empty: bool = False) -> StringMatcher:
    """As policies write strings: `*`, `*suffix`, `prefix*` or the value; a star elsewhere is a literal."""
    if text == "*":
        return Present(empty)
    if text.startswith("*"):
        return Suffix(text[1:])
    if text.endswith("*"):
        return Prefix(text[:-1])
    return Exact(text)
