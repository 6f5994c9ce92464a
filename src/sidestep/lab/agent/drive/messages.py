"""What an agent and its driving process say to each other: JSON lines."""

from msgspec import Struct

from sidestep.lab.agent.load.generator import From
from sidestep.lab.agent.messages import Edge, Row


class Begin(Struct, frozen=True, tag="begin"):
    """A pod's edges, from now on."""

    uid: str
    edges: tuple[Edge, ...]
    origin: From


class End(Struct, frozen=True, tag="end"):
    """Nothing more from a pod. Answered by `ended` when the last of its requests has ended."""

    uid: str


Order = Begin | End


class Rows(Struct, frozen=True, tag="rows"):
    """What became of requests since the last such line, by edge and second."""

    rows: tuple[Row, ...]


class Ended(Struct, frozen=True, tag="ended"):
    """Nothing of a pod is on its way any more, and all was told."""

    uid: str


Heard = Rows | Ended
