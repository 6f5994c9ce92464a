"""A scene for each difference that packets can show, and why the others cannot be."""

from sidestep.demo.scene import Scene
from sidestep.demo.scenes.authorization import AUTHORIZATION
from sidestep.demo.scenes.identity import IDENTITY
from sidestep.demo.scenes.routes import ROUTES
from sidestep.demo.scenes.traffic import TRAFFIC

SCENES: tuple[Scene, ...] = tuple(sorted((*AUTHORIZATION, *IDENTITY, *ROUTES, *TRAFFIC), key=lambda scene: scene.code))
UNSHOWN: dict[str, str] = {
    "D13": "a dry run refuses nobody: packets of both are alike, and only what proxies count differs",
    "D14": "the same comes out of both",
    "D32": "the lab's kubelet probes both kinds of pods, and both are ready: what differs is the way",
    "D47": "on which address an application listens stands in no object, so that nothing is foretold",
    "D53": "both send to the same pods; what differs is the objects that say so",
    "D57": "what a filter does stands in its code, so that nothing is foretold",
    "D60": "nobody is outside of the lab: it has no NodePorts and no load balancers",
    "D61": "the lab runs no images, and so no init containers of users",
    "D62": "a lab is one cluster and one network",
}
"""By code, why packets of a lab cannot show it."""


def scenes_of(code: str) -> tuple[Scene, ...]:
    """All scenes of a difference; none where it cannot be shown."""
    return tuple(each for each in SCENES if each.code == code)
