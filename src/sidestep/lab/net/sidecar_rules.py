"""A pod's packet rules while a sidecar runs in it, as istio-init puts them in.

Source: tools/istio-iptables/pkg/capture/run.go. What differs: the proxy is known by the mark on its packets and not by
its user, of whom there is only one in a lab without root; and its line to the control plane, which cannot be marked,
is left alone by address.
"""

from collections.abc import Iterable, Sequence

from sidestep.lab.net.rules import (
    ELSEWHERE,
    HBONE_PORT,
    INBOUND_PORT,
    NAMES,
    OUTBOUND_PORT,
    PROXY,
    RELEASE,
    ZONES,
)
from sidestep.semantics.redirection import OF_THE_PROXY, Redirection

OWN_SOURCES = ("127.0.0.6", "::6")
"""From which the proxy speaks to the application."""
_APART = "flush chain inet sidestep within\n"
"""A sidecar speaks to the application from an address of its own, so nothing has to be tracked apart; and what it sends
to its own pod is redirected, so that answers, which have no mark, must be known for answers."""
_FAMILIES = (("ip", OWN_SOURCES[0]), ("ip6", OWN_SOURCES[1]))


def sidecar(what: Redirection, control_plane: Sequence[str], *, dns: bool) -> str:
    """Redirection to a sidecar in place of whatever there was, as one transaction.

    Args:
        what: is redirected.
        control_plane: its addresses.
        dns: questions for names too.
    """
    rules = [*_outbound(what, control_plane, dns=dns), *_inbound(what), *(ZONES if dns else ())]
    return RELEASE + _APART + "".join(f"add rule inet sidestep {rule}\n" for rule in rules)


def redirections(what: Redirection, *, dns: bool) -> list[str]:
    """What a listing of the chains says of it, sorted."""
    rules = sidecar(what, (), dns=dns).splitlines()
    return sorted(rule.rpartition(" ")[2] for rule in rules if " redirect to " in rule)


def _outbound(what: Redirection, control_plane: Sequence[str], *, dns: bool) -> Iterable[str]:
    """In the order in which istio-init asks."""
    yield from (f"outbound {_family(each)} daddr {each} accept" for each in control_plane)
    yield from _ports("outbound", what.not_outbound_ports, "accept")
    for family, source in _FAMILIES:
        yield f'outbound oifname "lo" {family} saddr {source} accept'
    for elsewhere in ELSEWHERE:
        yield f'outbound oifname "lo" {elsewhere} tcp dport != {HBONE_PORT} {PROXY} redirect to :{INBOUND_PORT}'
    yield from NAMES if dns else ()
    yield 'outbound oifname "lo" accept'
    yield f"outbound {PROXY} accept"
    yield from (f"outbound {_family(each)} daddr {each} accept" for each in what.not_outbound)
    yield from _ports("outbound", what.outbound_ports, f"redirect to :{OUTBOUND_PORT}")
    if what.outbound is None:
        yield f"outbound meta l4proto tcp redirect to :{OUTBOUND_PORT}"
    else:
        yield from (
            f"outbound meta l4proto tcp {_family(each)} daddr {each} redirect to :{OUTBOUND_PORT}"
            for each in what.outbound
        )


def _inbound(what: Redirection) -> Iterable[str]:
    """What comes from the pod itself is not asked again: its connections were, on their way out."""
    if what.inbound is not None:
        yield from _ports("inbound", what.inbound, f"redirect to :{INBOUND_PORT}")
        return
    yield from _ports("inbound", OF_THE_PROXY | what.not_inbound | {HBONE_PORT}, "accept")
    yield f"inbound meta l4proto tcp redirect to :{INBOUND_PORT}"


def _ports(chain: str, ports: Iterable[int], verdict: str) -> list[str]:
    listed = ", ".join(map(str, sorted(ports)))
    return [f"{chain} tcp dport {{ {listed} }} {verdict}"] if listed else []


def _family(address: str) -> str:
    return "ip6" if ":" in address else "ip"
