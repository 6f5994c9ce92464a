"""What is found on the way from one form of a route to the other: what keeps an object as it is, and what gets lost."""

from msgspec import Struct

from sidestep.convert.rewrite import Loss, Severity
from sidestep.model.metadata import ObjectId

AS_IT_IS = "it stays a VirtualService at the waypoint, which Istio has as Alpha"


class Trouble(Struct, frozen=True):
    """Something that the new form does not have; the fields are those of a `Loss`."""

    field: str
    did: str
    why: str
    instead: str
    severity: Severity = Severity.TRAFFIC

    def loss(self, of: ObjectId, rule: str) -> Loss:
        """It as a loss of an object."""
        return Loss(of, self.field, self.did, self.why, self.instead, self.severity, rule)


class Ledger:
    """Troubles of one object, each once, in the order found.

    Attributes:
        obstacles: what has no counterpart, so that the object must stay what it is.
        losses: what goes though the object is converted.
        losses_if_kept: what goes if it stays what it is.
    """

    def __init__(self) -> None:
        self._obstacles: dict[Trouble, None] = {}
        self._losses: dict[Trouble, None] = {}
        self._losses_if_kept: dict[Trouble, None] = {}

    @property
    def obstacles(self) -> tuple[Trouble, ...]:
        """What keeps the object as it is."""
        return tuple(self._obstacles)

    @property
    def losses(self) -> tuple[Trouble, ...]:
        """What goes."""
        return tuple(self._losses)

    @property
    def losses_if_kept(self) -> tuple[Trouble, ...]:
        """What goes where it stays what it is."""
        return tuple(self._losses_if_kept)

    def lose_if_kept(self, field: str, did: str, why: str, instead: str) -> None:
        """Something is carried over by conversion only."""
        self._losses_if_kept[Trouble(field, did, why, instead)] = None

    def keep(self, field: str, did: str, why: str, instead: str) -> None:
        """Something has no counterpart."""
        self._obstacles[Trouble(field, did, why, instead)] = None

    def lose(self, field: str, did: str, why: str, instead: str, severity: Severity) -> None:
        """Something is not carried over."""
        self._losses[Trouble(field, did, why, instead, severity)] = None

    def unknown_fields(self, tree: object, known: frozenset[str], field: str) -> None:
        """Fields that nothing is known of keep the object as it is."""
        for name, value in tree.items() if isinstance(tree, dict) else ():
            if name not in known and value is not None:
                where = f"{field}.{name}" if field else str(name)
                self.keep(where, f"sets {name}", "nothing is known of this field", "take it out, or route without it")
