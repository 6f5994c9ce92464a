"""What can be set of waypoints."""

from msgspec import Struct


class Settings(Struct, frozen=True):
    """What can be set.

    Attributes:
        trust_domain: of the waypoint's own identity, and of whom it serves.
        trust_domains: others whose members may speak to it, and be spoken to.
        resolvers: DNS servers for names outside of the mesh; none for those of the machine.
        metrics: a line is written of each request.
        system_roots: file with roots by which servers outside of the mesh are verified.
    """

    trust_domain: str = "cluster.local"
    trust_domains: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    metrics: bool = False
    system_roots: str = "/etc/ssl/certs/ca-certificates.crt"
