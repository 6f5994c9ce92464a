"""What compute costs: tables by cloud, region and instance type, and what the user knows better."""

from collections.abc import Mapping

from msgspec import Struct, field

HOURS_PER_MONTH = 730


class Rate(Struct, frozen=True):
    """The price of one vCPU and of one GiB of memory for an hour."""

    vcpu_hour: float
    gib_hour: float


class Discount(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A reduction of the on-demand price.

    Attributes:
        fraction: 0.3 is thirty per cent off.
        instance_type: glob of the types it holds for.
        capacity: `spot`, `on-demand`, or `any`.
    """

    fraction: float
    instance_type: str = "*"
    capacity: str = "any"


OPENCOST_DEFAULT = Rate(0.031611, 0.004237)
"""OpenCost's default for CPU and RAM (configs/default.json, aws.json, gcp.json), USD."""
OPENCOST_AZURE = Rate(0.03900, 0.001917)
"""OpenCost's default for Azure (configs/azure.json), USD."""

CROSS_ZONE_GIB: Mapping[str, float] = {"aws": 0.02, "gcp": 0.01, "azure": 0.0}
"""Price of a GiB that crosses zones, both sides together (docs/cost.md says from where)."""


class PriceBook(Struct, frozen=True):
    """All prices known, strongest first: the user's, then tables, then a stated default.

    Attributes:
        currency: ISO 4217.
        source: where the tables come from, for the report.
        date: of the tables, ISO 8601.
        tables: hourly on-demand price by cloud, region and instance type.
        instances: the user's hourly price by instance type.
        nodes: the hourly price of single nodes, as OpenCost knows them.
        rate: the user's price per vCPU and GiB, for all nodes without one of their own.
        discounts: applied to on-demand prices, the first that fits.
        default: what a node of an unknown type is taken to cost, by vCPU and GiB.
        cross_zone_gib: price of a GiB across zones by cloud.
    """

    currency: str = "USD"
    source: str = "built-in"
    date: str = ""
    tables: Mapping[str, Mapping[str, Mapping[str, float]]] = {}
    instances: Mapping[str, float] = {}
    nodes: Mapping[str, float] = {}
    rate: Rate | None = None
    discounts: tuple[Discount, ...] = ()
    default: Rate = OPENCOST_DEFAULT
    cross_zone_gib: Mapping[str, float] = field(default_factory=lambda: CROSS_ZONE_GIB)
