"""Exchanging roots and intermediates while proxies work: a step is taken when all have taken the one before."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.ca.authority import Authority, Stage, Trust
from sidestep.controlplane.ca.folder import keep

_SPARE = 3
"""An intermediate is replaced when a third of its life is left."""


class Rotation:
    """Who signs and who is trusted, now.

    Args:
        authority: of the mesh.
        folder: where it is kept.
        now: the time.
        aliases: other names of its trust domain.
    """

    def __init__(
        self, authority: Authority, folder: Path, now: Callable[[], datetime], aliases: tuple[str, ...] = ()
    ) -> None:
        self.authority = authority
        self._folder, self._now, self._aliases = folder, now, aliases

    def trust(self) -> Trust:
        """At this moment."""
        return Trust(self.authority, self._aliases)

    def begin(self, plane: Plane) -> bool:
        """Begin to exchange the root; False while an exchange goes on."""
        if self.authority.stage is not Stage.STEADY:
            return False
        self._change(plane, self.authority.next_stage(self._now()))
        return True

    def next_intermediate(self, plane: Plane) -> None:
        """Exchange the intermediate."""
        self._change(plane, self.authority.next_intermediate(self._now()))

    def go_on(self, plane: Plane) -> None:
        """Take the next step if every proxy that is connected has taken the last one; replace what ends soon.

        A proxy that is away then gets all steps at once when it comes back, and is trusted by nobody until it does.
        """
        if self.authority.stage is not Stage.STEADY and plane.settled and not plane.secrets.outdated():
            self._change(plane, self.authority.next_stage(self._now()))
        certificate = self.authority.intermediate.certificate
        spare = (certificate.not_valid_after_utc - certificate.not_valid_before_utc) / _SPARE
        if certificate.not_valid_after_utc - self._now() < spare:
            self.next_intermediate(plane)

    def _change(self, plane: Plane, authority: Authority) -> None:
        keep(authority, self._folder)
        self.authority = authority
        plane.trust_changed()
