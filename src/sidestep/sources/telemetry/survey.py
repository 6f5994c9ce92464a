"""A first look at a Prometheus: where it sees proxies, and of which it knows the owners."""

from collections.abc import Mapping

from msgspec import Struct

from sidestep.sources.telemetry.series import Values

_OF_A_DEPLOYMENT_PERHAPS = "ReplicaSet"


class Survey(Struct, frozen=True):
    """What is there to be asked.

    Attributes:
        proxies: how many pods have a proxy, by namespace.
        owned: of how many of them kube-state-metrics knows an owner, by namespace.
        nameless: namespaces where it knows no workload at all, so that names of pods must do.
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

    A ReplicaSet as owner means that nobody told of the Deployment above, so it does not make a workload known.
    """
    counted, owned, resolved = dict[str, int](), dict[str, int](), set[str]()
    for labels, value in proxies.items():
        space = dict(labels).get("namespace", "")
        counted[space] = counted.get(space, 0) + int(value)
    for labels, value in with_owner.items():
        named = dict(labels)
        space = named.get("namespace", "")
        owned[space] = owned.get(space, 0) + int(value)
        if named.get("owner_kind") != _OF_A_DEPLOYMENT_PERHAPS:
            resolved.add(space)
    clusters = {dict(labels).get("cluster", "") for labels in proxies} - {""}
    return Survey(counted, owned, tuple(sorted(counted.keys() - resolved)), tuple(sorted(clusters)))
