"""What went wrong with a request, as a kind that can be counted and a reason in words."""

import errno
import ssl

import h2.exceptions
import h11

from sidestep.errors import SidestepError
from sidestep.lab.agent.messages import Outcome
from sidestep.lab.dns.resolver import NameNotFoundError


class ClosedError(Exception):
    """The other side ended the connection in order, but before its answer was complete."""


class UnprocessedError(ClosedError):
    """The other side did not look at the request, which may be asked again whatever it is (RFC 9113 8.7)."""


class AlteredError(Exception):
    """What came back is not what was sent."""


_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM}
PROTOCOL_ERRORS = (h11.ProtocolError, h2.exceptions.H2Error, AlteredError)
FAILURES = (OSError, EOFError, ClosedError, NameNotFoundError, SidestepError, *PROTOCOL_ERRORS)
"""All that a request may end with."""


def failed(error: BaseException) -> Outcome:
    """The outcome of a request that was not answered."""
    return Outcome(ok=False, kind=_kind(error), detail=str(error) or type(error).__name__)


def _kind(error: BaseException) -> str:
    if isinstance(error, NameNotFoundError):
        return "name"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "reset"
    if isinstance(error, ClosedError | EOFError):
        return "closed"
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return "unreachable"
    return "protocol" if isinstance(error, PROTOCOL_ERRORS) else "error"
