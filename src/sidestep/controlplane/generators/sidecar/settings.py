"""What can be set of sidecars."""

from msgspec import Struct


class Settings(Struct, frozen=True):
    """What can be set.

    Attributes:
        trust_domains: others than its own whose members may speak to it, and be spoken to.
        resolvers: DNS servers for names outside of the mesh; none for those of the machine.
        system_roots: file with roots by which servers outside of the mesh are verified; empty for no verification.
        metrics: whether lines are written of which metrics are made.
    """

    trust_domains: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    system_roots: str = "/etc/ssl/certs/ca-certificates.crt"
    metrics: bool = False
