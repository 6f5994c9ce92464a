"""What somebody saw of calls from one to another."""

from enum import StrEnum

from msgspec import Struct


class App(Struct, frozen=True, order=True):
    """One end of a call, as telemetry names it: by its canonical service.

    Attributes:
        namespace: empty for what is not in the cluster.
        name: of the canonical service; of what is outside its host name; empty where nobody knows.
    """

    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name or "unknown"


NOBODY = App()


class Layer(StrEnum):
    """By what a call was seen."""

    L4 = "L4"
    L7 = "L7"
    APPLICATION = "application"


class Sighting(Struct, frozen=True):
    """What one kind of observer saw of calls from one to another.

    Attributes:
        client: who calls.
        server: who is called, as far as the observer saw: a waypoint, where it saw the way to that.
        layer: what it sees.
        reporter: `source`, `destination` or `waypoint` as in metrics, or `application`.
        host: name of the service that was dialled.
        by: the waypoint that tells it.
        secured: both ends proved who they are; None where the observer cannot know.
        count: connections of layer 4, else requests.
        failed: those of them that were not answered, or with an error.
    """

    client: App
    server: App
    layer: Layer
    reporter: str
    host: str = ""
    by: App | None = None
    secured: bool | None = None
    count: int = 0
    failed: int = 0
