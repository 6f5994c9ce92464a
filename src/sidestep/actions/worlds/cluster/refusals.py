"""What it means when an API server does not do as it was asked. Pure.

Source: `metav1.Status` (reason, message, details.causes); k8s.io/apiserver `pkg/endpoints/handlers/responsewriters`.
"""

import re

import msgspec
from msgspec import Struct

from sidestep.actions.worlds.interface import ConflictError
from sidestep.errors import SidestepError, TransportError, WorldError

_UNAUTHORIZED, _FORBIDDEN, _ABSENT, _CONFLICT = 401, 403, 404, 409
_PASSING = frozenset({410, 429})
"""A page of a list that is too old to go on from, and a server that is busy."""
_FIELD_CONFLICT = "FieldManagerConflict"
_MANAGER = re.compile(r'conflict with "([^"]*)"')
_DENIED = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<kind>[^"]+)" in API group "(?P<group>[^"]*)"'
)
_SHOWN = 600


class Cause(Struct, frozen=True):
    """One of several things that are wrong."""

    reason: str = ""
    message: str = ""
    field: str = ""

    @property
    def manager(self) -> str:
        """Who owns the field; empty where this is no conflict of owners."""
        found = _MANAGER.search(self.message) if self.reason == _FIELD_CONFLICT else None
        return found[1] if found else ""


class _Details(Struct, frozen=True):
    causes: tuple[Cause, ...] | None = None


class Refusal(Struct, frozen=True):
    """An answer that is no success.

    Attributes:
        code: of HTTP.
        reason: a word, e.g. `Conflict`.
        message: the server's own words.
    """

    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None

    @property
    def is_absent(self) -> bool:
        """There is no such object."""
        return self.code == _ABSENT

    @property
    def knows_nobody(self) -> bool:
        """It is about who asks, and not about what: credentials that it does not know, or a right that is not given."""
        return self.code == _UNAUTHORIZED or (self.code == _FORBIDDEN and _DENIED.search(self.message) is not None)

    def owned(self) -> tuple[Cause, ...]:
        """Fields that others own; none where this is another refusal."""
        causes = (self.details.causes if self.details else None) or ()
        return tuple(each for each in causes if each.manager)


def refusal(code: int, body: bytes) -> Refusal:
    """What an answer says; an answer of something that is no API server says its status only."""
    try:
        told = msgspec.json.decode(body, type=Refusal)
    except msgspec.DecodeError:
        told = Refusal()
    return msgspec.structs.replace(told, code=code, message=told.message[:_SHOWN] or f"HTTP {code}")


def error_of(told: Refusal, where: str) -> SidestepError:
    """The error that a refusal is.

    Args:
        told: by the server.
        where: the object that was asked for.

    Returns:
        `TransportError` where another try may bring it, `ConflictError` where somebody else was faster or owns a field,
        else `WorldError` with the server's own words.
    """
    if told.code in _PASSING or told.code >= 500:
        return TransportError(told.message, where=where, remedy="it is tried again; look how the API server is")
    if told.code == _CONFLICT:
        return _conflict(told, where)
    if told.code == _UNAUTHORIZED:
        remedy = "log in again, and resume the run"
        return WorldError("the API server does not take the credentials any more", where=where, remedy=remedy)
    if told.code == _FORBIDDEN and (denied := _DENIED.search(told.message)):
        key = f"{denied['kind']}.{denied['group']}" if denied["group"] else denied["kind"]
        remedy = f"allow verb {denied['verb']} on {key} (sidestep rbac --for migrate --plan DIR prints it), and resume"
        return WorldError(told.message, where=where, remedy=remedy)
    return WorldError(told.message, where=where, remedy="mend what the cluster says, and resume the run")


def _conflict(told: Refusal, where: str) -> ConflictError:
    owned = told.owned()
    if not owned:
        return ConflictError(f"somebody else has changed it meanwhile: {told.message}", where=where)
    fields = "; ".join(f"{each.field} belongs to {each.manager}" for each in owned)
    remedy = "have its owner change it, or give the field up there; it is never taken by force"
    return ConflictError(f"others own what is to be written: {fields}", where=where, remedy=remedy)
