"""What reaches a pod without a tunnel (ztunnel.md §6.4): let in or refused before a byte goes either way.

The choice is one of filter chains, which Envoy makes when it accepts: a filter would act on the client's first byte,
and a server that speaks first would have been heard by then (envoy.md §0). Editing policies replaces only the matcher,
so connections that are open stay.
"""

from collections.abc import Iterable

from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener

from sidestep.controlplane.generators.node.authorization import Rules, rules
from sidestep.controlplane.generators.node.chains import (
    REFUSED,
    WHERE_TO,
    WHO_FROM,
    chosen,
    copy,
    from_netns,
    proxied,
    refused,
    remember,
)
from sidestep.controlplane.generators.node.clusters import PLAIN
from sidestep.controlplane.generators.node.conditions import Field, Test, some
from sidestep.controlplane.generators.node.matching import at_accept, decision
from sidestep.controlplane.generators.node.messages import listening
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.generators.node.telemetry import Direction, logs, of_bytes
from sidestep.controlplane.records import Workload
from sidestep.semantics.authorization.ztunnel import Authorization

PORT = 15006
OWN_PORTS = ("15001", "15006", "15008")
"""Nobody is led to the proxy's own ports (ztunnel.md §1.1)."""

_ADMITTED = "admitted"
_FIELDS = {
    "src.addr": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "dst.addr": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "id": "%CONNECTION_ID%",
}


def inbound_plain(workload: Workload, authorizations: Iterable[Authorization], settings: Settings) -> Listener:
    """The listener of one pod."""
    written = logs(settings, workload, Direction.INBOUND, _FIELDS)
    admitted = [remember([from_netns(workload.netns)]), proxied(copy("plaintext", PLAIN, written, of_bytes(settings)))]
    enforced = rules(authorizations, identified=False)
    own = Test(Field.PORT, OWN_PORTS)
    return Listener(
        name=f"plaintext/{workload.netns}",
        stat_prefix="plaintext",
        **listening(PORT, workload.netns),
        traffic_direction="INBOUND",
        enable_reuse_port={"value": True},
        per_connection_buffer_limit_bytes={"value": settings.buffer},
        listener_filters=[WHERE_TO, WHO_FROM],
        filter_chain_matcher=decision(
            Rules(some((own, enforced.refused)), enforced.admitted), at_accept, chosen(_ADMITTED), chosen(REFUSED)
        ),
        filter_chains=[FilterChain(name=_ADMITTED, filters=admitted), refused(written)],
    )
