"""What each node costs, and a vCPU and a GiB on it.

The price of a node is split between CPU and memory as OpenCost does it (pkg/costmodel/costmodel.go): the ratio of the
default prices, k, is kept, so that ram = price / (vCPU * k + GiB) and cpu = ram * k.
"""

from collections import Counter
from fnmatch import fnmatchcase

from msgspec import Struct

from sidestep.model.kinds import NODE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.prices import HOURS_PER_MONTH, OPENCOST_AZURE, PriceBook, Rate
from sidestep.model.quantity import Resources, millicores, whole_bytes
from sidestep.model.resource import Resource
from sidestep.model.views.core import Node

GIB = 2**30
_TYPE = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_REGION = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
_SPOT = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacityType": "SPOT",
    "cloud.google.com/gke-spot": "true",
    "cloud.google.com/gke-preemptible": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
}
_CLOUD_OF_PREFIX = {"aws": "aws", "gce": "gcp", "azure": "azure"}


class NodeRate(Struct, frozen=True):
    """A node's price.

    Attributes:
        hourly: of the whole node.
        rate: of a vCPU and a GiB on it.
        cloud: `aws`, `gcp`, `azure` or empty.
        assumed: what was assumed for want of a price; None when the price is known.
    """

    hourly: float
    rate: Rate
    cloud: str = ""
    assumed: str | None = None


class Rates(Struct, frozen=True):
    """Prices of all nodes, and of an average one for pods that are on none."""

    nodes: dict[str, NodeRate]
    average: Rate
    fallbacks: dict[str, int] = {}

    def of(self, node: str) -> Rate:
        """The rate on a node; the average where the node is unknown."""
        found = self.nodes.get(node)
        return found.rate if found else self.average


def monthly(rate: Rate, resources: Resources) -> float:
    """What resources cost in a month of 730 hours."""
    cores, gib = resources.cpu_millis / 1000, resources.memory_bytes / GIB
    return (cores * rate.vcpu_hour + gib * rate.gib_hour) * HOURS_PER_MONTH


def rates(mesh: Mesh, book: PriceBook) -> Rates:
    """Prices of all nodes of a mesh."""
    nodes = {node.meta.name: node_rate(node, book) for node in mesh.of(NODE)}
    fallbacks = Counter(node.assumed for node in nodes.values() if node.assumed)
    if not nodes and book.rate is None:
        fallbacks["no nodes were read: OpenCost's default price per vCPU and GiB"] = 0
    return Rates(nodes, _average(nodes, book), dict(sorted(fallbacks.items())))


def node_rate(node: Resource[Node], book: PriceBook) -> NodeRate:
    """The price of one node: its own, the user's, the table's, or a stated default."""
    labels = node.meta.labels
    size = _capacity(node)
    cloud = _cloud(node)
    known = book.nodes.get(node.meta.name)
    if known is not None:
        return NodeRate(known, split(known, size, cloud), cloud)
    kind = _first(labels, _TYPE)
    listed, assumed = _listed(book, cloud, _first(labels, _REGION), kind)
    if kind in book.instances:
        listed, assumed = book.instances[kind], None
    elif book.rate:
        return NodeRate(_worth(book.rate, size), book.rate, cloud)
    if listed is None:
        return NodeRate(_worth(book.default, size), book.default, cloud, assumed)
    spot = is_spot(labels)
    fraction = _discount(book, kind, spot=spot)
    if spot and fraction is None:
        assumed = f"{kind} spot: on-demand price"
    hourly = listed * (1 - (fraction or 0))
    return NodeRate(hourly, split(hourly, size, cloud), cloud, assumed)


def split(hourly: float, size: Resources, cloud: str) -> Rate:
    """A node's price as the price of one vCPU and one GiB on it."""
    default = OPENCOST_AZURE if cloud == "azure" else PriceBook().default
    ratio = default.vcpu_hour / default.gib_hour
    weight = size.cpu_millis / 1000 * ratio + size.memory_bytes / GIB
    gib_hour = hourly / weight if weight else 0.0
    return Rate(gib_hour * ratio, gib_hour)


def is_spot(labels: Labels) -> bool:
    """Whether a node's labels say that it is interruptible."""
    return any(labels.get(name) == value for name, value in _SPOT.items())


def _listed(book: PriceBook, cloud: str, region: str, kind: str) -> tuple[float | None, str | None]:
    """The table's price; of another region of the same cloud where this one has none; and what was assumed."""
    regions = book.tables.get(cloud, {})
    price = regions.get(region, {}).get(kind)
    if price is not None:
        return price, None
    for other, table in regions.items():
        if kind in table:
            return table[kind], f"{kind} in {region or 'an unknown region'}: price of {other}"
    return None, f"{kind or 'unknown type'}: OpenCost's default price per vCPU and GiB"


def _discount(book: PriceBook, kind: str, *, spot: bool) -> float | None:
    capacity = "spot" if spot else "on-demand"
    for discount in book.discounts:
        if discount.capacity in ("any", capacity) and fnmatchcase(kind, discount.instance_type):
            return discount.fraction
    return None


def _average(nodes: dict[str, NodeRate], book: PriceBook) -> Rate:
    if not nodes:
        return book.rate or book.default
    count = len(nodes)
    return Rate(
        sum(node.rate.vcpu_hour for node in nodes.values()) / count,
        sum(node.rate.gib_hour for node in nodes.values()) / count,
    )


def _worth(rate: Rate, size: Resources) -> float:
    return size.cpu_millis / 1000 * rate.vcpu_hour + size.memory_bytes / GIB * rate.gib_hour


def _capacity(node: Resource[Node]) -> Resources:
    """Capacity, as OpenCost uses; allocatable where capacity is missing."""
    status = node.view.status
    size = status.capacity or status.allocatable or {}
    return Resources(millicores(size.get("cpu")) or 0, whole_bytes(size.get("memory")) or 0)


def _cloud(node: Resource[Node]) -> str:
    prefix, _, _ = node.view.spec.provider_id.partition(":")
    if prefix in _CLOUD_OF_PREFIX:
        return _CLOUD_OF_PREFIX[prefix]
    kind = _first(node.meta.labels, _TYPE)
    if kind.startswith("Standard_"):
        return "azure"
    if "." in kind:
        return "aws"
    return "gcp" if kind.count("-") >= 2 else ""


def _first(labels: Labels, names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
