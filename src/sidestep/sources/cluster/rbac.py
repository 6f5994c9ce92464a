"""The least that a full audit must be allowed: `list` on what is fetched, and nothing on Secrets.

Of ConfigMaps only those of Istio and of the CNI may be listed, by name; a revision other than the default keeps
its own, and is named to be allowed too.
"""

from collections.abc import Iterable
from typing import Any

from sidestep.model.kinds import CONFIG_MAP
from sidestep.sources.cluster.discovery import listed_kinds

NAME = "sidestep-audit"
_NAMES = ("istio", "istio-sidecar-injector", "cilium-config")
_PER_REVISION = ("istio", "istio-sidecar-injector")


def config_map_names(revisions: Iterable[str]) -> tuple[str, ...]:
    """The ConfigMaps that an audit reads, by name."""
    others = sorted({revision for revision in revisions if revision and revision != "default"})
    return (*_NAMES, *(f"{name}-{revision}" for revision in others for name in _PER_REVISION))


def least_cluster_role(revisions: Iterable[str] = ()) -> dict[str, Any]:
    """A ClusterRole; discovery and the version are open to every authenticated user already."""
    plurals: dict[str, list[str]] = {}
    for kind in listed_kinds():
        if kind is not CONFIG_MAP:
            plurals.setdefault(kind.group, []).append(kind.plural)
    rules: list[dict[str, Any]] = [
        {"apiGroups": [group], "resources": sorted(names), "verbs": ["list"]}
        for group, names in sorted(plurals.items())
    ]
    names = list(config_map_names(revisions))
    rules.append({"apiGroups": [""], "resources": [CONFIG_MAP.plural], "resourceNames": names, "verbs": ["list"]})
    rules.append({"apiGroups": ["metrics.k8s.io"], "resources": ["pods"], "verbs": ["list"]})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": NAME},
        "rules": rules,
    }
