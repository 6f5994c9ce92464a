"""GOAWAY of HTTP/2, taken out of the bytes that a parser reads.

After it streams that were begun go on until they end (RFC 9113 6.8), which h2's own state machine does not let them.
"""

_HEAD = 9
_GOAWAY = 7
_NUMBER = 0x7FFFFFFF


class Goodbyes:
    """Whole frames, but for GOAWAY.

    Attributes:
        last: number of the last stream that the other side takes; None as long as it takes all.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self.last: int | None = None

    def without(self, data: bytes) -> bytes:
        """Frames that are complete by now, without the goodbyes among them."""
        self._held += data
        kept = bytearray()
        while len(self._held) >= _HEAD:
            end = _HEAD + int.from_bytes(self._held[:3])
            if len(self._held) < end:
                break
            if self._held[3] == _GOAWAY:
                self.last = int.from_bytes(self._held[_HEAD : _HEAD + 4]) & _NUMBER
            else:
                kept += self._held[:end]
            del self._held[:end]
        return bytes(kept)
