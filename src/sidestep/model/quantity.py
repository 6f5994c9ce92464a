"""Kubernetes resource quantities, as numbers.

Source: k8s.io/apimachinery/pkg/api/resource, the serialisation described on `Quantity`.
"""

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import NewType

from msgspec import Struct

Millicores = NewType("Millicores", int)
Bytes = NewType("Bytes", int)
RawQuantity = str | int | float

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))((?:[eE][+-]?\d{1,3})|[numkMGTPE]|[KMGTPE]i)?")
_SCALE = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal("1e3"), "M": Decimal("1e6"), "G": Decimal("1e9"), "T": Decimal("1e12"),
    "P": Decimal("1e15"), "E": Decimal("1e18"),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
    "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip
_LONGEST = 64
_LARGEST = Decimal(2**63 - 1)


class Resources(Struct, frozen=True, order=True, rename="camel"):
    """CPU and memory of something: a container, a pod, a node.

    Attributes:
        cpu_millis: thousandths of a core.
        memory_bytes: bytes.
    """

    cpu_millis: int = 0
    memory_bytes: int = 0

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(self.cpu_millis + other.cpu_millis, self.memory_bytes + other.memory_bytes)

    def __sub__(self, other: "Resources") -> "Resources":
        return Resources(self.cpu_millis - other.cpu_millis, self.memory_bytes - other.memory_bytes)

    def times(self, count: int) -> "Resources":
        """The sum of `count` such things."""
        return Resources(self.cpu_millis * count, self.memory_bytes * count)


@lru_cache(maxsize=4096)
def parse_quantity(text: RawQuantity) -> Decimal | None:
    """The value in base units (cores, bytes), capped at 2^63-1 as in Kubernetes; None when the text is no quantity."""
    candidate = str(text).strip()
    match = _FORM.fullmatch(candidate) if len(candidate) <= _LONGEST else None
    if match is None:
        return None
    number, suffix = match[1], match[2] or ""
    exponent = suffix[:1] in ("e", "E") and len(suffix) > 1
    value = Decimal(number + suffix) if exponent else Decimal(number) * _SCALE[suffix]
    return max(-_LARGEST, min(value, _LARGEST))


def millicores(text: RawQuantity | None) -> Millicores | None:
    """CPU in thousandths of a core, rounded up as Kubernetes does; None when absent or no quantity."""
    value = None if text is None else parse_quantity(text)
    return None if value is None else Millicores(_ceil(value * 1000))


def whole_bytes(text: RawQuantity | None) -> Bytes | None:
    """Memory in bytes, rounded up; None when absent or no quantity."""
    value = None if text is None else parse_quantity(text)
    return None if value is None else Bytes(_ceil(value))


def _ceil(value: Decimal) -> int:
    return int(value.to_integral_value(rounding=ROUND_CEILING))
