"""What is broken on purpose in the middle of a wave, by the lab's own means."""

import time
from enum import StrEnum
from typing import assert_never

from msgspec import Struct

from sidestep.errors import UsageError, WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.machine.control_plane import NAME as CONTROL_PLANE
from sidestep.lab.machine.control_plane import PROXY

_SLOW, _SHARE = 10.0, 0.1
"""Seconds for which a control plane is slow, and the share of the time that it runs meanwhile."""


class Fault(StrEnum):
    """What may be broken."""

    NODE_PROXY = "node-proxy"
    """The proxy of a node is killed, and started again."""
    WAYPOINT = "waypoint"
    """The proxy of a waypoint's pod is killed, and started again."""
    CONTROL_PLANE = "control-plane"
    """It is slow for some seconds."""
    NODE = "node"
    """It is lost, with all pods on it."""
    CERTIFICATES = "certificates"
    """The mesh's intermediate certificate is exchanged, and all others with it."""


class Injection(Struct, frozen=True):
    """A fault in a wave."""

    fault: Fault
    wave: int


def injection(text: str) -> Injection:
    """An injection as it is written: `FAULT@WAVE`.

    Raises:
        UsageError: there is no such fault, or no number.
    """
    name, _, wave = text.partition("@")
    if name not in list(Fault) or not wave.isdigit():
        known = ", ".join(Fault)
        raise UsageError(f"{text!r} names no fault in a wave", remedy=f"write FAULT@WAVE, a fault being one of {known}")
    return Injection(Fault(name), int(wave))


def strike(speaker: Client, fault: Fault) -> str:
    """Break it; what was broken, in words.

    Raises:
        WorldError: there is nothing of the kind.
        TransportError: the lab does not answer.
    """
    match fault:
        case Fault.NODE_PROXY:
            name = _process(speaker, PROXY)
            speaker.ask(api.Fault(name, "kill"))
            return f"{name} is killed"
        case Fault.WAYPOINT:
            name = _process(speaker, "waypoint")
            speaker.ask(api.Fault(name, "kill"))
            return f"{name} is killed"
        case Fault.CONTROL_PLANE:
            speaker.ask(api.Fault(CONTROL_PLANE, "slow", share=_SHARE))
            try:
                time.sleep(_SLOW)
            finally:
                speaker.ask(api.Fault(CONTROL_PLANE, "slow"))
            return f"the control plane runs {_SHARE:.0%} of the time for {_SLOW:g} s"
        case Fault.NODE:
            name = _process(speaker, PROXY).partition("/")[2]
            speaker.ask(api.Fault(f"node/{name}", "lose"))
            return f"node {name} is lost, with all pods on it"
        case Fault.CERTIFICATES:
            speaker.ask(api.Rotate("intermediate"))
            return "the intermediate certificate is exchanged, and all others with it"
        case _:
            assert_never(fault)


def _process(speaker: Client, kind: str) -> str:
    """The last one of a kind."""
    names = sorted(str(row["name"]) for row in speaker.ask(api.Top(0.001)))
    found = [each for each in names if each.partition("/")[0] == kind]
    if not found:
        raise WorldError(f"no {kind} runs that could be broken", remedy="name a wave in which there is one")
    return found[-1]
