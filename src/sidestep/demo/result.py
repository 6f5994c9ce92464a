"""What was shown: two meshes, what was foretold of a request in each, and what packets said."""

from typing import Literal

from msgspec import Struct


class Side(Struct, frozen=True, rename="camel"):
    """One of the two meshes.

    Attributes:
        name: `sidecars` or `ambient`.
        verdict: foretold: `allow`, `deny`, `unreachable` or `unknown`.
        foretold: in words.
        seen: what became of the request, in words.
        got: path and headers that count, as the application got them; empty where it got nothing.
        disagreements: in which ways both differ.
    """

    name: str
    verdict: str
    foretold: str
    seen: str
    got: tuple[str, ...] = ()
    disagreements: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether packets did what was foretold."""
        return not self.disagreements


class Shown(Struct, frozen=True, rename="camel"):
    """One scene.

    Attributes:
        code: of the difference.
        title: of the difference.
        scene: which of its scenes.
        request: in words.
        sidecars: the mesh with sidecars.
        ambient: the mesh in ambient.
    """

    code: str
    title: str
    scene: str
    request: str
    sidecars: Side
    ambient: Side

    @property
    def agrees(self) -> bool:
        """Whether packets did what was foretold, in both."""
        return self.sidecars.agrees and self.ambient.agrees

    @property
    def differs(self) -> bool:
        """Whether packets show a difference."""
        return (self.sidecars.seen, self.sidecars.got) != (self.ambient.seen, self.ambient.got)


class Demo(Struct, frozen=True, rename="camel"):
    """All that was shown."""

    shown: tuple[Shown, ...]
    api_version: Literal["sidestep.dev/v1"] = "sidestep.dev/v1"
    kind: Literal["Demo"] = "Demo"
