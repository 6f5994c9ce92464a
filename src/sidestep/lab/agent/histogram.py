"""Latencies counted in buckets that grow with the value: within 1.6 %, however many there are."""

from collections.abc import Iterable

from msgspec import Struct

_STEPS = 64


class Histogram(Struct):
    """How many values fell into each bucket; values are whole and not negative.

    Attributes:
        buckets: count by number of the bucket, as text, for JSON knows no other keys.
        total: sum of the values.
        largest: the largest value, exactly.
    """

    buckets: dict[int, int] = {}
    total: int = 0
    largest: int = 0

    def add(self, value: int) -> None:
        """Count one; what is below zero counts as zero."""
        value = max(value, 0)
        bucket = _bucket(value)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.total += value
        self.largest = max(self.largest, value)

    def count(self) -> int:
        """How many values."""
        return sum(self.buckets.values())

    def mean(self) -> float:
        """The mean; 0 for none."""
        count = self.count()
        return self.total / count if count else 0.0

    def quantile(self, share: float) -> float:
        """The value that a share (0 to 1) of all does not exceed: the middle of its bucket; 0 for none."""
        wanted = share * self.count()
        seen = 0
        for bucket, count in sorted(self.buckets.items()):
            seen += count
            if seen >= wanted:
                return min(middle(bucket), float(self.largest))
        return 0.0


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """All values of several."""
    result = Histogram()
    for each in histograms:
        for bucket, count in each.buckets.items():
            result.buckets[bucket] = result.buckets.get(bucket, 0) + count
        result.total += each.total
        result.largest = max(result.largest, each.largest)
    return result


def _bucket(value: int) -> int:
    """Values below 64 have a bucket each; above, every doubling has 32."""
    half = _STEPS // 2
    shift = max(value.bit_length() - _STEPS.bit_length() + 1, 0)
    return value if shift == 0 else (value >> shift) + shift * half


def middle(bucket: int) -> float:
    """The value in the middle of a bucket."""
    half = _STEPS // 2
    if bucket < _STEPS:
        return float(bucket)
    shift = bucket // half - 1
    low = (bucket - shift * half) << shift
    return low + ((1 << shift) - 1) / 2
