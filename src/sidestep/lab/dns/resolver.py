"""How a pod's C library finds addresses: search list, ndots, both families at once, nameservers in order."""

import asyncio
import ipaddress
import time

import dns.message
import dns.rcode

from sidestep.lab.dns.exchange import Upstream, UpstreamError
from sidestep.lab.dns.names import DnsConfig
from sidestep.lab.dns.wire import addresses_in
from sidestep.lab.sockets import Network


class NameNotFoundError(Exception):
    """No address for a name: why, in words."""


class Resolver:
    """Finds addresses from within a pod.

    Args:
        network: the pod's.
        config: its resolv.conf.
        kept: seconds for which an address is used again; a C library keeps none.
    """

    def __init__(self, network: Network, config: DnsConfig, kept: float = 0) -> None:
        self._network, self._config, self._kept = network, config, kept
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Addresses of a host, IPv4 before IPv6; a written-out one is itself.

        Raises:
            NameNotFoundError: there are none, or nobody told.
        """
        literal = _written_out(host)
        if literal:
            return literal
        until, known = self._known.get(host, (0.0, ()))
        if time.monotonic() < until:
            return known
        found = await self._looked_up(host)
        self._known[host] = (time.monotonic() + self._kept, found)
        return found

    async def _looked_up(self, host: str) -> tuple[str, ...]:
        if not self._config.nameservers:
            raise NameNotFoundError(f"{host}: the pod has no nameserver")
        reasons: list[str] = []
        for name in tried(host, self._config):
            answers = await asyncio.gather(self._asked(name, "A"), self._asked(name, "AAAA"), return_exceptions=True)
            found = tuple(address for each in answers if isinstance(each, list) for address in each)
            if found:
                return found
            reasons = [f"{name}: {each}" for each in answers if isinstance(each, BaseException)] or reasons
        raise NameNotFoundError(reasons[0] if reasons else f"{host}: no such name")

    async def _asked(self, name: str, kind: str) -> list[str]:
        """Addresses; none where the server says so.

        Raises:
            NameNotFoundError: no server could tell.
        """
        problem = ""
        for server in self._config.nameservers:
            try:
                answer = await Upstream(self._network, server).ask(dns.message.make_query(name + ".", kind))
            except UpstreamError as error:
                problem = str(error)
                continue
            code = answer.rcode()
            if code in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
                return addresses_in(answer)
            problem = f"{server}: {dns.rcode.to_text(code)}"
        raise NameNotFoundError(problem)


def tried(host: str, config: DnsConfig) -> list[str]:
    """Names to ask for, in order (resolv.conf(5)); one that ends in a dot is meant as it stands."""
    if host.endswith("."):
        return [host.rstrip(".")]
    searched = [f"{host}.{suffix}" for suffix in config.search]
    return [host, *searched] if host.count(".") >= config.ndots else [*searched, host]


def _written_out(host: str) -> tuple[str, ...]:
    if host == "localhost":
        return ("127.0.0.1", "::1")
    try:
        return (str(ipaddress.ip_address(host.strip("[]"))),)
    except ValueError:
        return ()
