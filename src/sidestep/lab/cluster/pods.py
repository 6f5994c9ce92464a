"""What is read from a pod's tree: its phase, whether it is ready, where it runs."""

import re

from sidestep.controlplane.records import PROXY_ANNOTATION
from sidestep.lab.cluster.objects import Tree, meta_of, spec_of, status_of
from sidestep.semantics.instances import BYPASS_INBOUND
from sidestep.semantics.loose import annotations_of, as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.proxies import PROXY, REDIRECTION

_GRACE = 30.0
_SLEEP = re.compile(r"(?:(?:/bin/)?(?:ba)?sh -c )?(?:/bin/)?sleep (\d+(?:\.\d+)?)s?")
FINISHED = ("Succeeded", "Failed")


def is_ready(pod: Tree) -> bool:
    """Whether it may be sent requests."""
    return not is_leaving(pod) and any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in as_dicts(status_of(pod).get("conditions"))
    )


def is_leaving(pod: Tree) -> bool:
    """Whether it was asked to end."""
    return bool(meta_of(pod).get("deletionTimestamp"))


def is_finished(pod: Tree) -> bool:
    """Whether it ended by itself."""
    return phase(pod) in FINISHED


def phase(pod: Tree) -> str:
    """Pending, Running, Succeeded or Failed."""
    return as_text(status_of(pod).get("phase")) or "Pending"


def node_of(pod: Tree) -> str:
    """Where it runs, or will."""
    return as_text(spec_of(pod).get("nodeName"))


def address_of(pod: Tree) -> str:
    """Its IPv4 address; empty before it has one."""
    return as_text(status_of(pod).get("podIP"))


def grace(pod: Tree) -> float:
    """Seconds that it has to end."""
    value = spec_of(pod).get("terminationGracePeriodSeconds", _GRACE)
    return float(value) if isinstance(value, int | float) else _GRACE


def pre_stop(pod: Tree, *, of_proxy: bool = False) -> float:
    """Seconds that it waits, still serving, before it is asked to end: the longest sleep of its preStop hooks.

    Args:
        pod: the object.
        of_proxy: of the proxy's container, which is asked by itself, and not of all others.
    """
    own = (each for each in as_dicts(spec_of(pod).get("containers")) if (each.get("name") == PROXY) is of_proxy)
    hooks = (as_dict(as_dict(each.get("lifecycle")).get("preStop")) for each in own)
    return max((_sleep(each) for each in hooks), default=0.0)


def _sleep(hook: Tree) -> float:
    seconds = as_dict(hook.get("sleep")).get("seconds")
    if isinstance(seconds, int | float):
        return float(seconds)
    found = _SLEEP.fullmatch(" ".join(as_strings(as_dict(hook.get("exec")).get("command"))))
    return float(found[1]) if found else 0.0


def is_captured(pod: Tree) -> bool:
    """Whether the node's proxy has it, as the annotation says that istiod reads."""
    return annotations_of(pod).get(REDIRECTION) == "enabled"


def proxy_of(pod: Tree) -> str:
    """Which of the mesh's proxies runs in it; empty for none."""
    return annotations_of(pod).get(PROXY_ANNOTATION, "")


def bypasses_inbound(pod: Tree) -> bool:
    """Whether redirection leaves what comes in alone, as at ingress gateways (D45)."""
    return annotations_of(pod).get(BYPASS_INBOUND) == "true"
