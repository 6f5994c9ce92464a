"""Numbers and names as people read them."""

from sidestep.model.quantity import Resources

_CONTROL = (*range(9), 11, 12, *range(14, 32), *range(127, 160))
_BIDIRECTIONAL = (*range(0x2028, 0x202F), *range(0x2066, 0x206A))
UNSEEN = dict.fromkeys((*_CONTROL, *_BIDIRECTIONAL), "\N{REPLACEMENT CHARACTER}")
"""For `str.translate`: characters that drive a terminal or turn the reading direction, other than breaks and tabs."""
_STEPS = (("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))


def cpu(millis: float) -> str:
    """Thousandths of a core: `250m`, `12.5`."""
    if millis < 1000:
        return f"{millis:,.0f}m"
    return f"{millis / 1000:,.1f}"


def memory(size: float) -> str:
    """Bytes in the largest unit that leaves a whole digit: `128Mi`, `1.5Gi`."""
    for unit, scale in _STEPS:
        if size >= scale:
            value = size / scale
            return f"{value:,.0f}{unit}" if value >= 100 or value.is_integer() else f"{value:,.1f}{unit}"
    return f"{size:,.0f}"


def resources(what: Resources) -> str:
    """CPU and memory side by side."""
    return f"{cpu(what.cpu_millis)} / {memory(what.memory_bytes)}"


def money(amount: float | None, currency: str = "USD") -> str:
    """An amount per month, without cents from ten on; a dash where nothing was measured."""
    if amount is None:
        return "-"
    size = abs(amount)
    text = f"{size:,.2f}" if 0 < size < 10 else f"{size:,.0f}"
    sign = "-" if amount < 0 else ""
    return f"{sign}${text}" if currency == "USD" else f"{sign}{text} {currency}"


def window(seconds: int) -> str:
    """A length of time in its largest whole unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 node`, `1,200 nodes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def exact(value: float) -> str:
    """A number as it went into a formula: at most six places, no zeros at the end."""
    text = f"{value:,.6f}" if abs(value) < 1000 else f"{value:,.2f}"
    return text.rstrip("0").rstrip(".")
