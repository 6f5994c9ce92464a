"""Stable keyed hashes for names: the same name gives the same hash wherever it stands, so that references hold.

A name with dots is hashed part by part, so that `reviews.shop.svc.cluster.local` still names the Service `reviews` of
the namespace `shop`. A ReplicaSet's name keeps its form `deployment-hash`. Public addresses move to 240.0.0.0/4, which
nobody has; private ones name nobody and stay.
"""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Iterable, Iterator
from functools import lru_cache

from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.pods import PodShape
from sidestep.sources.snapshot.vocabulary import MEANING_LABELS, PROXY_IMAGE, WORDS, is_known_domain, is_vocabulary

KEY_BYTES = 32
_DIGITS = 16
_SHORTEST_WORD = 3
_TEMPLATE_HASHES = ("pod-template-hash", "rollouts-pod-template-hash")
_TOKEN = re.compile(r"[^\W_](?:[\w.\-]*[^\W_])?")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]")
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?![\w.])|(?<![\w.:])[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]+(?:/\d{1,3})?"
)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?[A-Za-z]{0,2}")
_RESERVED = 0xF0000000


def new_hash_key() -> bytes:
    """A fresh key; whoever has it can tell which hash a name they guess has."""
    return secrets.token_bytes(KEY_BYTES)


class Pseudonyms:
    """All hashes of one mesh under one key."""

    def __init__(self, key: bytes, mesh: Mesh) -> None:
        self._key = key
        self._kept = WORDS | set(_meaningful(mesh))
        self._suffixes = {labels[name] for labels in _all_labels(mesh) for name in _TEMPLATE_HASHES if labels.get(name)}
        self._known = frozenset(_names(mesh)) - self._kept
        self.name = lru_cache(maxsize=2**16)(self._name)

    def whole(self, text: str) -> str:
        """The hash of a text as it stands, e.g. of a path."""
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
        return f"n-{digest[:_DIGITS]}"

    def label(self, key: str, value: str) -> str:
        """The value of a label; those with a meaning stay."""
        return value if key in MEANING_LABELS else self.name(value)

    def label_key(self, key: str) -> str:
        """The key of a label: a prefix that is nobody's public domain is hashed."""
        prefix, slash, name = key.partition("/")
        if not slash or is_known_domain(prefix):
            return key
        return f"{self.name(prefix)}/{name}"

    def group_version(self, api_version: str) -> str:
        """An apiVersion; a group that is nobody's public one is hashed."""
        group, slash, version = api_version.rpartition("/")
        if not slash or "." not in group or is_known_domain(group):
            return api_version
        return f"{self.name(group)}/{version}"

    def names(self, text: str) -> str:
        """A field that holds names: every word in it is hashed."""
        text = _ADDRESS.sub(lambda found: self._address(found[0]), text)
        return _TOKEN.sub(lambda found: found[0] if _is_number(found[0]) else self.name(found[0]), text)

    def text(self, text: str) -> str:
        """A field that may hold anything: known names, hosts and addresses in it are hashed."""
        text = _ADDRESS.sub(lambda found: self._address(found[0]), text)
        return _TOKEN.sub(self._word, text)

    def image(self, image: str) -> str:
        """An image; of the mesh's own proxies the last part stays, since it tells the version."""
        proxy = PROXY_IMAGE.fullmatch(image)
        if proxy is None:
            return self.whole(image)
        prefix = image[: -len(proxy[1])].rstrip("/")
        return f"{self.whole(prefix)}/{proxy[1]}" if prefix else proxy[1]

    def _name(self, name: str) -> str:
        if not name or name in self._kept or _is_pseudonym(name) or is_vocabulary(name):
            return name
        if "." in name:
            return ".".join(self.name(part) for part in name.split("."))
        stem, dash, suffix = name.rpartition("-")
        if dash and stem and suffix in self._suffixes:
            return f"{self.name(stem)}-{self.name(suffix)}"
        return self.whole(name)

    def _word(self, found: re.Match[str]) -> str:
        word = found[0]
        if word in self._known:
            return self.name(word)
        if _HOST.fullmatch(word) and not is_known_domain(word) and not word.startswith("envoy."):
            return self.name(word)
        if "." in word or "-" in word or "_" in word:
            return self._parts(word)
        return word

    def _parts(self, word: str) -> str:
        """A word that may hold a known name between its punctuation."""
        pieces = re.split(r"([._])", word)
        return "".join(self.name(piece) if piece in self._known else piece for piece in pieces)

    def _address(self, text: str) -> str:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return text
        if not network.is_global or network.prefixlen == 0:
            return text
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        address = ipaddress.IPv4Address(_RESERVED | int.from_bytes(digest[:4], "big") >> 4)
        return f"{address}/32" if "/" in text else str(address)


def _is_number(word: str) -> bool:
    return _NUMBER.fullmatch(word) is not None or _ADDRESS.fullmatch(word) is not None


def _is_pseudonym(name: str) -> bool:
    return len(name) == _DIGITS + 2 and name.startswith("n-") and all(c in "0123456789abcdef" for c in name[2:])


def _shapes(mesh: Mesh) -> Iterable[PodShape]:
    return {id(pod.shape): pod.shape for pod in mesh.pods}.values()


def _all_labels(mesh: Mesh) -> Iterator[Labels]:
    for shape in _shapes(mesh):
        yield shape.labels
    for found in (*mesh.resources.values(), mesh.others):
        for resource in found:
            yield resource.meta.labels


def _meaningful(mesh: Mesh) -> Iterator[str]:
    """Values of labels with a meaning, wherever else they stand: revisions, zones, instance types."""
    for labels in _all_labels(mesh):
        for key, value in labels.items():
            if key in MEANING_LABELS:
                yield value


def _names(mesh: Mesh) -> Iterator[str]:
    """Everything that is called something in a mesh, long enough to be told from a common word."""
    for word in _every_name(mesh):
        if len(word) >= _SHORTEST_WORD and not _is_number(word):
            yield word


def _every_name(mesh: Mesh) -> Iterator[str]:
    for pod in mesh.pods:
        yield pod.name
        yield pod.node
    for shape in _shapes(mesh):
        yield shape.namespace
        yield shape.spec.service_account_name
        yield from (container.name for container in shape.spec.all_containers)
        yield from (owner.name for owner in shape.owners)
    for found in (*mesh.resources.values(), mesh.others):
        for resource in found:
            yield from (resource.meta.name, resource.meta.namespace)
            yield from (owner.name for owner in resource.meta.owner_references)
    for labels in _all_labels(mesh):
        yield from labels.values()
