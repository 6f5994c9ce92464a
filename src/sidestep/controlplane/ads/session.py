"""What one proxy has asked for, what it was told, and what it is told next. No IO: bytes come in and go out.

Of each type one response is under way at most: while a proxy is slow, what changes piles up as names, not as messages.
What is new goes out in an order in which nothing names what is not there yet; what a proxy must give up waits until it
has taken everything new (make before break).

Envoy may drop good resources that came with one that it rejects. So what was rejected is sent again in halves, until
the bad one stands alone.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest
from msgspec import Struct

from sidestep.controlplane.ads.catalogue import Key
from sidestep.controlplane.ads.entries import Entry, again, response
from sidestep.controlplane.generators import (
    ADDRESS,
    AUTHORIZATION,
    CLUSTER,
    ENDPOINTS,
    EXTENSION,
    LISTENER,
    ROUTES,
    SCOPED_ROUTES,
    SECRET,
    VARIANT,
    VIRTUAL_HOST,
)
from sidestep.controlplane.groups import Groups

_ORDER = (CLUSTER, ENDPOINTS, SECRET, EXTENSION, LISTENER, ROUTES, SCOPED_ROUTES, VIRTUAL_HOST, AUTHORIZATION, ADDRESS)
_AFTER = {ADDRESS: AUTHORIZATION}
"""A workload that names a policy which its proxy does not have is open to all: until a proxy has asked for policies,
and while there are any to be sent, it is told no workloads."""
_PRINTED = re.compile(r"\s*goo\.gle/debug\w+.*?\n: ", re.DOTALL)
"""A whole message, as Envoy prints it before it says what is wrong with it."""
_ALWAYS_ANSWERED = frozenset({ADDRESS, AUTHORIZATION})
"""A ztunnel is not ready before it has acknowledged something of each, also after it rejected a part of it."""
_EVERYTHING = "*"
_ABSENT = ""
_OWN = ""
"""What a proxy is told unasked that else asks for each thing: workloads of its own node."""


class Source(Protocol):
    """Where a session finds what there is to tell."""

    def everything(self, type_url: str, proxy: str) -> Iterable[str] | None:
        """What a proxy gets that takes everything of a type; None for a type of which nobody gets everything."""

    def wanted_by_all(self, key: Key) -> bool:
        """Whether proxies that take everything get a resource."""

    def find(self, key: Key, held: str) -> Entry | None:
        """What a proxy may have under a name.

        Args:
            key: with the proxy.
            held: the version that it has, empty for none. An entry of that version need not have content.
        """

    def meant(self, type_url: str, name: str) -> Iterable[str]:
        """Names of what else a proxy is told that asks by a name: an address means who has it, none its own."""

    def asked_as(self, key: Key) -> Iterable[str]:
        """Names by which a proxy would have asked for a resource besides its own."""

    def forget(self, key: Key) -> None:
        """The proxy asks for it no more."""


class Rejection(Struct, frozen=True):
    """A proxy did not take what it was sent.

    Attributes:
        proxy: its name.
        type_url: of the resources.
        names: of the resource; several where it rejects none of them alone.
        reason: in its words.
    """

    proxy: str
    type_url: str
    names: tuple[str, ...]
    reason: str


class _Known:
    """One type: what was asked for, what is held, by name and version."""

    def __init__(self) -> None:
        self.everything = False
        self.names: set[str] = set()
        self._variants: Groups[str, str] = Groups()
        self.held: dict[str, str] = {}
        self.pending: set[str] = set()
        self.leaving: set[str] = set()
        self.under_way = ""
        self.sent: tuple[str, ...] = ()
        self.halves: list[tuple[str, ...]] = []
        self.rejected: dict[str, Rejection] = {}
        self.unanswered = False

    def ask(self, name: str) -> None:
        """A name is asked for."""
        self.names.add(name)
        self._variants.move(name, (), _of_variant(name))

    def leave(self, name: str) -> None:
        """A name is asked for no more."""
        self.names.discard(name)
        self._variants.move(name, _of_variant(name), ())

    def of_clusters(self, clusters: Iterable[str]) -> set[str]:
        """Of endpoints, the names by which some clusters have asked."""
        named = set(clusters)
        return (self.names & named).union(*map(self._variants.of, named))

    @property
    def idle(self) -> bool:
        return not (self.under_way or self.pending or self.halves)

    @property
    def has_news(self) -> bool:
        """Whether something is to be said that is new, now or when the last was acknowledged."""
        return bool(self.pending or self.halves or self.unanswered)


class Session:
    """A stream with one proxy.

    Args:
        proxy: whose it is.
        source: what there is to tell.
        group: that the proxy belongs to.
    """

    def __init__(self, proxy: str, source: Source, group: str = "") -> None:
        self.proxy = proxy
        self._names = tuple(dict.fromkeys((proxy, group, "")))
        self._source = source
        self._types: dict[str, _Known] = {}
        self._ordered: tuple[str, ...] = ()
        self._nonces = 0

    def hear(self, request: DeltaDiscoveryRequest) -> Rejection | None:
        """Take a request in; what the proxy rejects by it."""
        type_url = request.type_url
        known = self._types.get(type_url)
        if known is None:
            known = self._types[type_url] = _Known()
            self._ordered = (*(each for each in _ORDER if each in self._types), *(self._types.keys() - set(_ORDER)))
            self._begin(type_url, known, request)
        rejection = self._acknowledge(type_url, known, request)
        for name in request.resource_names_subscribe:
            self._subscribe(type_url, known, name, resumed=name in request.initial_resource_versions)
        for name in request.resource_names_unsubscribe:
            self._unsubscribe(type_url, known, name)
        return rejection

    def touch(self, key: Key) -> bool:
        """Something may have become other, new or gone; whether the proxy cares."""
        known = self._types.get(key.type_url)
        if known is None or key.proxy not in self._names:
            return False
        if key.name in known.names or (known.everything and (key.name in known.held or self._for_all(key))):
            known.pending.add(key.name)
            return True
        if known.names and not known.names.isdisjoint(self._source.asked_as(key)):
            known.names.add(key.name)
            known.pending.add(key.name)
            return True
        return False

    def say(self) -> bytes | None:
        """The next response; None when there is nothing to say before something is heard or touched."""
        for type_url in self._ordered:
            known = self._types[type_url]
            said = self._add(type_url, known) if known.has_news else None
            if said is not None:
                return said
        if not all(known.idle for known in self._types.values()):
            return None
        return next(filter(None, map(self._remove, reversed(self._ordered))), None)

    @property
    def settled(self) -> bool:
        """Whether the proxy has acknowledged everything."""
        return all(known.idle and not known.leaving for known in self._types.values())

    @property
    def silent(self) -> bool:
        """Whether there is nothing to say, whatever the proxy still has to acknowledge."""
        return not any(known.has_news or known.leaving for known in self._types.values())

    def rejected(self) -> Iterator[Rejection]:
        """What the proxy has not taken since, of what there still is."""
        for known in self._types.values():
            yield from (each for name, each in known.rejected.items() if known.held.get(name))

    def held(self) -> Iterator[tuple[str, str, str]]:
        """Type, name and version of everything that the proxy has, as far as it was told."""
        for type_url in self._ordered:
            for name, version in sorted(self._types[type_url].held.items()):
                if version != _ABSENT:
                    yield type_url, name, version

    def asks(self, type_url: str, name: str) -> bool:
        """Whether the proxy has asked for a name."""
        known = self._types.get(type_url)
        return known is not None and name in known.names

    def end(self) -> None:
        """The proxy asks for nothing any more."""
        asked = [Key(type_url, name, self.proxy) for type_url, known in self._types.items() for name in known.names]
        self._types.clear()
        self._ordered = ()
        for key in asked:
            self._source.forget(key)

    def _begin(self, type_url: str, known: _Known, request: DeltaDiscoveryRequest) -> None:
        """The first request of a type tells what the proxy has from an earlier stream; without names it means all.

        Who asks for everything and takes it back at once goes on asking for what it has, and for what it still waits
        for, which has an empty version (ztunnel.md §3.4).
        """
        held = {name: version for name, version in request.initial_resource_versions.items() if version}
        known.held.update(held)
        known.pending.update(held)
        if not request.resource_names_subscribe:
            self._take_everything(type_url, known)
        elif _EVERYTHING in request.resource_names_unsubscribe:
            own = set(self._source.meant(type_url, _OWN))
            known.names |= {_OWN, *own}
            known.pending |= own
            for name in request.initial_resource_versions:
                self._subscribe(type_url, known, name, resumed=name in held)

    def _take_everything(self, type_url: str, known: _Known) -> None:
        names = self._source.everything(type_url, self.proxy)
        if names is not None:
            known.everything = True
            known.unanswered = not known.held or type_url in _ALWAYS_ANSWERED
            known.pending.update(names)

    def _acknowledge(self, type_url: str, known: _Known, request: DeltaDiscoveryRequest) -> Rejection | None:
        if not request.response_nonce or request.response_nonce != known.under_way:
            return None
        known.under_way, names = "", known.sent
        if not request.HasField("error_detail"):
            for name in names:
                known.rejected.pop(name, None)
            return None
        if len(names) > 1:
            middle = len(names) // 2
            known.halves += (names[middle:], names[:middle])
            return None
        found = Rejection(self.proxy, type_url, names, _in_words(request.error_detail.message))
        known.rejected.update(dict.fromkeys(names, found))
        return found

    def _subscribe(self, type_url: str, known: _Known, name: str, *, resumed: bool) -> None:
        if name == _EVERYTHING:
            self._take_everything(type_url, known)
            return
        known.ask(name)
        known.pending.add(name)
        if not resumed:  # who asks again has lost it
            known.held.pop(name, None)
        others = set(self._source.meant(type_url, name))
        known.names |= others
        known.pending |= others

    def _unsubscribe(self, type_url: str, known: _Known, name: str) -> None:
        if name == _EVERYTHING:
            known.everything = False
            for other in known.held.keys() - known.names:
                del known.held[other]
            known.pending &= known.names
            return
        known.leave(name)
        self._source.forget(Key(type_url, name, self.proxy))
        if known.everything and self._for_all(Key(type_url, name, self.proxy)):
            return
        known.held.pop(name, None)
        known.pending.discard(name)
        known.leaving.discard(name)

    def _add(self, type_url: str, known: _Known) -> bytes | None:
        """New and changed resources; and at once that there is none, to who asked by name and waits."""
        if known.under_way or self._waits(type_url):
            return None
        while known.halves:
            half = self._half(type_url, known)
            if half is not None:
                return half
        if not (known.pending or known.unanswered):
            return None
        entries, absent = self._news(type_url, known)
        if not entries and not absent and not known.unanswered:
            return None
        known.unanswered = False
        return self._send(type_url, known, tuple(entries), entries.values(), absent)

    def _waits(self, type_url: str) -> bool:
        if type_url not in _AFTER:
            return False
        before = self._types.get(_AFTER[type_url])
        return before is None or bool(before.pending or before.halves or before.unanswered)

    def _news(self, type_url: str, known: _Known) -> tuple[dict[str, Entry], list[str]]:
        """What of the pending names is to be sent, and which are waited for and not there."""
        entries: dict[str, Entry] = {}
        absent: list[str] = []
        for name in sorted(known.pending):
            held, entry = known.held.get(name), self._due(type_url, known, name)
            if entry is not None:
                known.leaving.discard(name)
                if entry.version != held:
                    known.held[name], entries[name] = entry.version, entry
            elif held:
                known.leaving.add(name)
            elif held is None and name in known.names:
                known.held[name] = _ABSENT
                absent.append(name)
        known.pending.clear()
        return entries, absent

    def _half(self, type_url: str, known: _Known) -> bytes | None:
        """A part of what was rejected, as it is now; None where nothing of it is left."""
        due = [(name, self._due(type_url, known, name)) for name in known.halves.pop()]
        entries = [(name, entry) for name, entry in due if entry is not None and entry.wire]
        known.held.update((name, entry.version) for name, entry in entries)
        known.pending.difference_update(name for name, _ in entries)
        if not entries:
            return None
        anew = (again(type_url, each, str(self._nonces)) for _, each in entries)
        return self._send(type_url, known, tuple(name for name, _ in entries), anew, ())

    def _due(self, type_url: str, known: _Known, name: str) -> Entry | None:
        key = Key(type_url, name, self.proxy)
        if name not in known.names and not (known.everything and self._for_all(key)):
            return None
        return self._source.find(key, known.held.get(name, _ABSENT))

    def _remove(self, type_url: str) -> bytes | None:
        known = self._types[type_url]
        if not known.leaving:
            return None
        gone = sorted(known.leaving)
        known.leaving.clear()
        for name in gone:
            if name in known.names:
                known.held[name] = _ABSENT
            else:
                known.held.pop(name, None)
        return self._send(type_url, known, (), (), gone)

    def _send(
        self, type_url: str, known: _Known, names: tuple[str, ...], entries: Iterable[Entry], gone: Iterable[str]
    ) -> bytes:
        if type_url == CLUSTER:
            self._again(names)
        self._nonces += 1
        known.under_way, known.sent = str(self._nonces), names
        return response(type_url, known.under_way, entries, gone)

    def _again(self, clusters: Iterable[str]) -> None:
        """A cluster that is sent again is made anew and waits for its endpoints, for which Envoy does not ask again."""
        known = self._types.get(ENDPOINTS, _Known())
        for name in known.of_clusters(clusters):
            if self._due(ENDPOINTS, known, name) is not None:
                known.held.pop(name, None)
                known.pending.add(name)

    def _for_all(self, key: Key) -> bool:
        return any(self._source.wanted_by_all(key._replace(proxy=each)) for each in self._names)


def _of_variant(name: str) -> tuple[str, ...]:
    """The cluster whose endpoints have such a name of their own."""
    cluster, variant, _ = name.partition(VARIANT)
    return (cluster,) if variant else ()


def _in_words(reason: str) -> str:
    """What Envoy says, in one line, without the message of which it speaks."""
    return " ".join(re.sub(_PRINTED, " ", reason).split())
