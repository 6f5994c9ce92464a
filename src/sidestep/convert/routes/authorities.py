"""Which Host headers lead a sidecar to a VirtualService: a waypoint asks its rules about all others as well.

Source: pilot/pkg/networking/core/httproute.go (domains of virtual hosts; a Host that names none passes through to the
address that was dialled) and listener_waypoint.go (one virtual host for `*`); D39.
"""

from enum import StrEnum

from msgspec import Struct

from sidestep.convert.routes.survey import Survey
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.routing.hosts import bare_authority, is_address, is_wildcard, namespace_of, within
from sidestep.semantics.routing.text_match import Form, TextMatch


class Heard(StrEnum):
    """What a condition on the Host header takes of the names of its VirtualService.

    ALL: every one. NONE: no sidecar asks it of a request that it would take. NAMES: names of it alone. PATTERN: names,
    and others that no sidecar brings to the VirtualService.
    """

    ALL = "all"
    NONE = "none"
    NAMES = "names"
    PATTERN = "pattern"


class Names(Struct, frozen=True):
    """The names by which sidecars find a VirtualService, whatever port stands behind them.

    Attributes:
        plain: in lower case.
        wildcards: patterns; pods of headless services are one.
    """

    plain: frozenset[str] = frozenset()
    wildcards: tuple[str, ...] = ()

    def heard(self, asked: TextMatch) -> Heard:
        """What a condition takes of them; addresses are names of whatever was dialled."""
        if asked.form is Form.PRESENT or asked.text in _EVERYTHING[asked.form]:
            return Heard.ALL
        if asked.form is Form.EXACT:
            return Heard.NAMES if self._is_one(bare_authority(asked.text)) else Heard.NONE
        if asked.form is Form.PREFIX and not self._opens_one(asked.text.lower()):
            return Heard.NONE
        return Heard.PATTERN

    def _is_one(self, name: str) -> bool:
        known = name.removesuffix(".") in self.plain or is_address(name)
        return known or any(within(name, pattern) for pattern in self.wildcards)

    def _opens_one(self, text: str) -> bool:
        head, port, _ = text.partition(":")
        if self.wildcards or text[:1].isdigit() or text.startswith("["):
            return True
        return any(f"{name}." == head or (name == head if port else name.startswith(head)) for name in self.plain)


_EVERYTHING = {Form.EXACT: (), Form.SEGMENTS: (), Form.PREFIX: ("",), Form.REGEX: (".*", ".+"), Form.PRESENT: ("",)}


def names_of(found: Survey, resource: Resource[Spec]) -> Names:
    """The names of a VirtualService's hosts."""
    bound = found.by_object[resource.id]
    plain: set[str] = set()
    wildcards: list[str] = []
    for host in map(str.lower, bound.hosts):
        if is_wildcard(host):
            wildcards.append(host)
        wildcards += [f"*.{service.host}" for service in found.covered(host) if service.headless]
        plain |= {host, *_short(host, found.defaults.domain)}
    return Names(frozenset(plain), tuple(wildcards))


def _short(host: str, domain: str) -> set[str]:
    """What else a Service is called, in its own namespace and in others."""
    ending = f".svc.{domain}"
    if not namespace_of(host) or not host.endswith(ending):
        return set()
    local = host.removesuffix(ending)
    return {f"{local}.svc", local, local.partition(".")[0]}
