"""Certificates for proxies: of the pod that one runs in, or of pods on a node's, renewed at half their life.

A certificate's version says who signed it and when it is due. So after a restart the control plane can tell that a
proxy's certificate is still good without holding its key: keys of workloads are only in the proxies.
"""

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from operator import itemgetter
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.extensions.transport_sockets.tls.v3.tls_spiffe_validator_config_pb2 import SPIFFECertValidatorConfig

from sidestep.controlplane.ads.catalogue import Key
from sidestep.controlplane.ads.entries import Entry, entry
from sidestep.controlplane.ca.authority import Chain, Trust
from sidestep.controlplane.ca.certificates import key_pem, pem
from sidestep.controlplane.generators import DOMAIN_ROOTS, ROOTS, SECRET
from sidestep.controlplane.groups import Groups
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty, Tunnel, Workload, WorkloadUid, identity_of, proxy_name

JITTER = 0.1
"""By how much of a half life renewals are spread to either side."""
_SOONEST = 1.0
"""Seconds after which a certificate is renewed at the soonest; one that had expired before it was signed, too."""
_OWN_KEY = "own-key"
_DIGITS = 16
"""No time that we give has as many."""


class Secrets:
    """Certificates and roots under the names by which proxies ask for them.

    Args:
        index: which pods are where.
        trust: who signs and who is trusted, at this moment.
        now: the time.
        chance: a number from 0 to 1, other each time.
    """

    def __init__(
        self, index: Index, trust: Callable[[], Trust], now: Callable[[], datetime], chance: Callable[[], float]
    ) -> None:
        self._index, self._trust, self._now, self._chance = index, trust, now, chance
        self._place: dict[WorkloadUid, tuple[str, str]] = {}
        self._entitled: Groups[tuple[str, str], WorkloadUid] = Groups()
        self._asked: Groups[tuple[str, str], str] = Groups()
        self._roots: set[Key] = set()
        self._due: list[tuple[float, Key, str]] = []
        self._current: dict[Key, str] = {}
        self._signed: dict[tuple[str, str], _Signed] = {}
        self._skews: dict[str, timedelta] = {}

    def renew(self, dirty: Dirty) -> Iterator[Key]:
        """Secrets that a proxy may have now, or may have no more."""
        for uid in dirty.workloads:
            for place in self._move(uid):
                for name in self._asked.of(place):
                    yield Key(SECRET, name, place[0])

    def everything(self) -> Iterator[Key]:
        """All that proxies have: after the authority changed."""
        yield from sorted(self._roots | self._current.keys())

    def skew(self, proxy: str, by: timedelta) -> Iterator[Key]:
        """Sign for a proxy from now on as if the clock was wrong by so much, as when its own clock was; what it has.

        Who makes its keys itself is not concerned. Nothing of this outlives the process.
        """
        self._skews.pop(proxy, None)
        if by:
            self._skews[proxy] = by
        yield from sorted(key for key in self._current if key.proxy == proxy)

    def overdue(self) -> Iterator[Key]:
        """Certificates that have lived half their life, a bit more or less."""
        now = self._now().timestamp()
        while self._due and self._due[0][0] <= now:
            _, key, version = heapq.heappop(self._due)
            if self._current.get(key) == version:
                yield key

    def find(self, key: Key, held: str) -> Entry | None:
        """A proxy's secret; the version that it has where that is still good."""
        if key.name.startswith(ROOTS):
            self._roots.add(key)
            return self._bundle(key.name)
        _, _, uri = key.name.partition(":")
        place = (key.proxy, uri)
        self._asked.move(key.name, (), (place,))
        if not self._entitled.has(place):
            self._current.pop(key, None)
            return None
        if self._good(held, key.proxy):
            self._remember(key, held)
            return Entry(held, b"")
        return self._issue(key, uri)

    def forget(self, key: Key) -> None:
        """A proxy asks for it no more."""
        _, _, uri = key.name.partition(":")
        self._asked.move(key.name, ((key.proxy, uri),), ())
        self._current.pop(key, None)
        self._roots.discard(key)

    @property
    def anchors(self) -> tuple[x509.Certificate, ...]:
        """The mesh's own roots."""
        return self._trust().own.anchors

    def sign(
        self, proxy: str, uri: str, key: ec.EllipticCurvePublicKey, lifetime: timedelta
    ) -> tuple[x509.Certificate, ...] | None:
        """A certificate for a key of a proxy's own, up to the root; None for an identity that it may not have."""
        place = (proxy, uri)
        if not self._entitled.has(place):
            return None
        own = self._trust().own
        certificates = own.sign(uri, key, self._now(), lifetime)
        due = self._now() + (certificates[0].not_valid_after_utc - self._now()) / 2
        version = f"{own.generation}.{int(due.timestamp())}.{certificates[0].serial_number:x}"
        self._signed[place] = _Signed(version, own.anchors)
        return certificates

    def served(self) -> Iterator[tuple[str, str, str]]:
        """Proxy, name and version of each certificate that a proxy has."""
        for key, version in sorted(self._current.items()):
            yield key.proxy, key.name, version
        for (proxy, uri), signed in sorted(self._own_keys(), key=itemgetter(0)):
            yield proxy, f"{_OWN_KEY}:{uri}", signed.version

    def outdated(self) -> int:
        """How many of the certificates that proxies have were signed before the last change of who signs.

        Who made its key itself was told the roots with its certificate, and is told no other before it asks again.
        """
        own = self._trust().own
        told = sum(not version.startswith(f"{self._generation(key.proxy)}.") for key, version in self._current.items())
        return told + sum(
            signed.anchors != own.anchors or not signed.version.startswith(f"{own.generation}.")
            for _, signed in self._own_keys()
        )

    def _own_keys(self) -> Iterator[tuple[tuple[str, str], "_Signed"]]:
        """Of what proxies asked for with keys of their own, what they still may have."""
        return ((place, signed) for place, signed in self._signed.items() if self._entitled.has(place))

    def _move(self, uid: WorkloadUid) -> Iterator[tuple[str, str]]:
        """Where it was and where it is, if anybody's right changed by it."""
        workload = self._index.workloads.get(uid)
        before, after = self._place.get(uid), _place(workload) if workload else None
        if before == after:
            return
        places = [place for place in (before, after) if place is not None]
        rights = [self._entitled.has(place) for place in places]
        self._entitled.move(uid, (before,) if before else (), (after,) if after else ())
        if after is None:
            del self._place[uid]
        else:
            self._place[uid] = after
        yield from (place for place, right in zip(places, rights, strict=True) if self._entitled.has(place) != right)

    def _generation(self, proxy: str) -> str:
        """Who signs, and by which clock."""
        skew = self._skews.get(proxy)
        return self._trust().own.generation + (f"{skew.total_seconds():+.0f}s" if skew else "")

    def _good(self, version: str, proxy: str) -> bool:
        generation, _, rest = version.partition(".")
        due = rest.partition(".")[0]
        fresh = len(due) < _DIGITS and due.isascii() and due.isdigit() and int(due) > self._now().timestamp()
        return fresh and generation == self._generation(proxy)

    def _issue(self, key: Key, uri: str) -> Entry:
        chain = self._trust().own.issue(uri, self._now() + self._skews.get(key.proxy, timedelta()))
        generation, serial = self._generation(key.proxy), chain.certificates[0].serial_number
        version = f"{generation}.{self._half_life(chain)}.{serial:x}"
        self._remember(key, version)
        return entry(SECRET, key.name, _certificate(key.name, chain), version)

    def _half_life(self, chain: Chain) -> int:
        now, end = self._now().timestamp(), chain.certificates[0].not_valid_after_utc.timestamp()
        half = (end - now) / 2 * (1 - JITTER + 2 * JITTER * self._chance())
        return int(now + max(half, _SOONEST))

    def _remember(self, key: Key, version: str) -> None:
        if self._current.get(key) != version:
            self._current[key] = version
            heapq.heappush(self._due, (float(version.split(".")[1]), key, version))

    def _bundle(self, name: str) -> Entry | None:
        bundles = self._trust().bundles()
        secret = Secret(name=name)
        _, _, domain = name.partition("@")
        if name.startswith(DOMAIN_ROOTS):
            secret.validation_context.custom_validator_config.name = "envoy.tls.cert_validator.spiffe"
            secret.validation_context.custom_validator_config.typed_config.Pack(_by_domain(bundles))
        elif domain and domain not in bundles:
            return None
        else:
            chosen = [bundles[domain]] if domain else list(dict.fromkeys(bundles[each] for each in sorted(bundles)))
            secret.validation_context.trusted_ca.inline_bytes = b"".join(chosen)
        return entry(SECRET, name, secret.SerializeToString(deterministic=True))


class _Signed(NamedTuple):
    version: str
    anchors: tuple[x509.Certificate, ...]


def _place(workload: Workload) -> tuple[str, str] | None:
    """Which proxy may have whose identity: the pod's own, or the node's for what is in the mesh or about to be."""
    if workload.proxy is not None:
        return proxy_name(workload), identity_of(workload)
    meshed = workload.tunnel is Tunnel.HBONE or bool(workload.netns)
    return (workload.node, identity_of(workload)) if meshed and workload.node else None


def _by_domain(bundles: dict[str, bytes]) -> SPIFFECertValidatorConfig:
    config = SPIFFECertValidatorConfig()
    for domain in sorted(bundles):
        config.trust_domains.add(name=domain).trust_bundle.inline_bytes = bundles[domain]
    return config


def _certificate(name: str, chain: Chain) -> bytes:
    secret = Secret(name=name)
    secret.tls_certificate.certificate_chain.inline_bytes = pem(chain.certificates)
    secret.tls_certificate.private_key.inline_bytes = key_pem(chain.key)
    return bytes(secret.SerializeToString(deterministic=True))
