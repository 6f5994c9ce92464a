"""What can be set of a node's proxy."""

from msgspec import Struct


class Windows(Struct, frozen=True):
    """Flow control of HTTP/2: ztunnel's sizes, with a connection's window four times a stream's (ztunnel.md §5.2)."""

    stream: int = 4 * 1024 * 1024
    connection: int = 16 * 1024 * 1024


class Settings(Struct, frozen=True):
    """What can be set.

    Attributes:
        pods: networks from which pods have their addresses.
        services: networks from which services have theirs; an address outside of both is dialled as it is, so that
            no port scan makes the control plane answer.
        trust_domains: others than a workload's own that may speak to it.
        windows: of tunnels.
        streams_per_connection: how many connections share a tunnel; more than 100 an Envoy as peer refuses.
        idle: seconds after which a tunnel that carries nothing is closed.
        connect_timeout: seconds.
        on_demand_timeout: seconds to wait for the control plane when a destination is dialled for the first time.
        access_log: file that connections are written to; empty for none.
        buffer: bytes that a connection may hold back before its sender is slowed down.
    """

    pods: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    trust_domains: tuple[str, ...] = ()
    windows: Windows = Windows()
    streams_per_connection: int = 100
    idle: int = 300
    connect_timeout: int = 10
    on_demand_timeout: int = 5
    access_log: str = ""
    buffer: int = 1024 * 1024
