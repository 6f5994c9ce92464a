"""What is missing from a mesh, and what should be said of how it was read."""

from enum import StrEnum

from msgspec import Struct


class GapReason(StrEnum):
    """Why something could not be read."""

    ABSENT = "absent"
    FORBIDDEN = "forbidden"
    UNAUTHORIZED = "unauthorized"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too-large"


class Gap(Struct, frozen=True, order=True):
    """Something that should have been read and was not: it makes an answer partial.

    Attributes:
        resource: `plural.group` of a kind, or a file.
        reason: the family of the cause.
        detail: what happened, in one sentence.
        remedy: what to do, e.g. the RBAC verb that is missing.
    """

    resource: str
    reason: GapReason
    detail: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        told = f"{self.resource}: {self.reason}" + (f" ({self.detail})" if self.detail else "")
        return f"{told}; {self.remedy}" if self.remedy else told


class Remark(Struct, frozen=True, order=True):
    """Something worth saying of which nothing was lost (a duplicate key, TLS checks switched off)."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"
