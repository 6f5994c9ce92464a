"""What users should know, each sentence once: who said it, when last, and how often."""

from collections import OrderedDict
from collections.abc import Iterator

_KEPT = 200


class Sayings:
    """The last sentences, the latest at the end."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()

    def say(self, who: str, what: str, now: str) -> bool:
        """Keep a sentence; whether it is new."""
        count = self._said.pop((who, what), ("", 0))[1] + 1
        self._said[who, what] = (now, count)
        if len(self._said) > _KEPT:
            self._said.popitem(last=False)
        return count == 1

    def __iter__(self) -> Iterator[str]:
        for (who, what), (when, count) in self._said.items():
            yield f"{when} {who}: {what}" + (f" ({count} times)" if count > 1 else "")
