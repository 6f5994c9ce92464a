"""Names of files for objects: readable, the same on every file system, and none twice."""

import hashlib
import re

from sidestep.convert.ledger import Key

_OTHER = re.compile(r"[^a-z0-9.-]+")
_LONGEST = 120


class Names:
    """Gives each object a name of its own; the same to the same object."""

    def __init__(self) -> None:
        self._given: dict[Key, str] = {}
        self._taken: set[str] = set()

    def of(self, key: Key) -> str:
        """`kind-namespace-name.yaml`, with a digest where that is taken or says too little."""
        if key not in self._given:
            self._given[key] = self._free(key)
            self._taken.add(self._given[key])
        return self._given[key]

    def _free(self, key: Key) -> str:
        plain = "-".join(part for part in key[1:] if part).lower()
        safe = _OTHER.sub("-", plain).replace("..", ".").strip(".-")
        if safe == plain and len(safe) <= _LONGEST and f"{safe}.yaml" not in self._taken:
            return f"{safe}.yaml"
        digest = hashlib.sha256("/".join(key).encode(errors="replace")).hexdigest()[:8]
        return f"{safe[:_LONGEST].strip('.-')}-{digest}.yaml"
