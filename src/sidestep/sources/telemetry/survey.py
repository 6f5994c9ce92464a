"""A first look at a Prometheus: where it sees proxies, and of which it knows the owners."""

from collections.abc import Mapping

from msgspec import Struct

from sidestep.sources.telemetry.series import Values

_NEARLY_ALL = 0.95


class Survey(Struct, frozen=True):
    """What is there to be asked.

    Attributes:
        proxies: how many pods have a proxy, by namespace.
        owned: of how many of them kube-state-metrics knows an owner, by namespace.
        nameless: namespaces where it knows too few, so that names of pods must do.
        clusters: values of the label `cluster`.
    """

    proxies: Mapping[str, int] = {}
    owned: Mapping[str, int] = {}
    nameless: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()

    @property
    def unowned(self) -> int:
        """How many proxies have no owner though others of their namespace do: no figure knows them.

        Pods of the same name in several clusters cannot be told apart, so that nothing can be said of these.
        """
        if len(self.clusters) > 1:
            return 0
        asked = self.proxies.keys() - set(self.nameless)
        return sum(max(0, self.proxies[space] - self.owned.get(space, 0)) for space in asked)


def survey_of(proxies: Values, with_owner: Values) -> Survey:
    """The answers to `promql.proxies` and `promql.proxies_with_owner`, put together.

    A few proxies without owner may have just started; many mean that owners are not measured there, or not all of them.
    """
    counted, owned = _by_namespace(proxies), _by_namespace(with_owner)
    clusters = {dict(labels).get("cluster", "") for labels in proxies} - {""}
    known_in = max(1, len(clusters))
    nameless = [space for space, count in counted.items() if owned.get(space, 0) < _NEARLY_ALL * count / known_in]
    return Survey(counted, owned, tuple(sorted(nameless)), tuple(sorted(clusters)))


def _by_namespace(values: Values) -> dict[str, int]:
    found: dict[str, int] = {}
    for labels, value in values.items():
        space = dict(labels).get("namespace", "")
        found[space] = found.get(space, 0) + int(value)
    return found
