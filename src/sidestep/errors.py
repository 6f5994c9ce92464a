"""What can go wrong, in three families that are never mixed.

`WorldError`: what we were given is wrong (a file, a price list, a kubeconfig). `TransportError`: it could not be
fetched. `UsageError`: the caller asked for something impossible. Each says where, what was expected, and what to do
next; the CLI prints that and exits with 1. What merely cannot be read in part is no error but a `model.Gap`.
"""


class SidestepError(Exception):
    """Base of all errors that reach a user.

    Args:
        message: what is wrong and what was expected, in one sentence.
        where: file and line, object and field, or URL.
        remedy: what to do next.
    """

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        located = f"{self.where}: {self.message}" if self.where else self.message
        return f"{located}\n  to fix: {self.remedy}" if self.remedy else located


class WorldError(SidestepError):
    """The input is wrong: malformed, truncated, altered, contradictory."""


class TransportError(SidestepError):
    """The input could not be fetched: refused, timed out, cut off."""


class UsageError(SidestepError):
    """The caller asked for something that cannot be done."""
