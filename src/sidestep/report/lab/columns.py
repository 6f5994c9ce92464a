"""What is shown of objects of each kind, as kubectl shows them: a few columns, and more where there is room."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sidestep.model.kinds import (
    AUTHORIZATION_POLICY,
    AUTOSCALER,
    DEPLOYMENT,
    JOB,
    NAMESPACE,
    NODE,
    PEER_AUTHENTICATION,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    STATEFUL_SET,
)
from sidestep.report.lab.tables import Cell, object_columns, pod_columns
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

_ENROLLED = "istio.io/dataplane-mode"


def columns_of(key: str, *, wide: bool = False) -> Mapping[str, Cell]:
    """The columns of a kind.

    Args:
        key: of the kind.
        wide: with those that say more.
    """
    if key == POD.key:
        return {**pod_columns(), **(_POD_WIDE if wide else {})}
    narrow, more = _COLUMNS.get(key, ({}, {}))
    base = object_columns() if key not in (NODE.key, NAMESPACE.key) else {"NAME": object_columns()["NAME"]}
    return {**base, **narrow, **(more if wide else {})}


def _meta(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_dict(row.get("metadata"))


def _spec(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_dict(row.get("spec"))


def _status(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_dict(row.get("status"))


def _labels(labels: object) -> str:
    return ",".join(f"{key}={value}" for key, value in as_dict(labels).items())


def _reference(named: Mapping[str, Any]) -> str:
    return f"{named.get('kind')}/{named.get('name')}"


def _targets(row: Mapping[str, Any]) -> str:
    """What is measured of each metric, and what of it is wanted; of one that nobody measures it is not known."""
    found = {_metric(each)[0]: _metric(each)[1] for each in as_dicts(_status(row).get("currentMetrics"))}
    wanted = dict(_metric(each) for each in as_dicts(_spec(row).get("metrics")))
    if not wanted:
        wanted["cpu"] = f"{_spec(row).get('targetCPUUtilizationPercentage', 80)}%"
    return ", ".join(f"{name}: {found.get(name, '<unknown>')}/{value}" for name, value in wanted.items())


def _metric(told: Mapping[str, Any]) -> tuple[str, str]:
    """Name and value, of what is wanted or of what is."""
    what = as_dict(told.get(as_text(told.get("type")).lower()))
    value = as_dict(what.get("current") or what.get("target"))
    name = as_text(what.get("name")) or as_text(as_dict(what.get("metric")).get("name"))
    share = value.get("averageUtilization")
    return name, f"{share}%" if share is not None else str(value.get("averageValue", value.get("value", "")))


def _selected(row: Mapping[str, Any]) -> str:
    """Whom a policy is for."""
    told = _labels(as_dict(_spec(row).get("selector")).get("matchLabels"))
    targets = as_dicts(_spec(row).get("targetRefs")) or as_dicts([_spec(row).get("targetRef")])
    return told or ",".join(f"{each.get('kind')}/{each.get('name')}" for each in targets) or "all"


def _callers(row: Mapping[str, Any]) -> str:
    """Who is named by the rules of a policy."""
    names: list[str] = []
    for rule in as_dicts(_spec(row).get("rules")):
        for each in as_dicts(rule.get("from")):
            for values in as_dict(each.get("source")).values():
                names += as_strings(values)
    return ",".join(dict.fromkeys(names)) or "-"


def _ready(row: Mapping[str, Any]) -> str:
    return f"{_status(row).get('readyReplicas', 0)}/{_spec(row).get('replicas', 1)}"


def _ports(row: Mapping[str, Any]) -> str:
    return ",".join(str(each.get("port", each.get("number", ""))) for each in as_dicts(_spec(row).get("ports")))


def _images(row: Mapping[str, Any]) -> str:
    spec = _spec(row) if "containers" in _spec(row) else _spec(as_dict(_spec(row).get("template")))
    return ",".join(as_text(each.get("image")) for each in as_dicts(spec.get("containers")))


def _sixth(addresses: Iterable[str]) -> str:
    return next((each for each in addresses if ":" in each), "")


def _addresses(rows: Sequence[Mapping[str, Any]], field: str) -> str:
    return ",".join(as_text(each.get(field)) for each in rows)


_WORKLOAD: tuple[dict[str, Cell], dict[str, Cell]] = ({"READY": _ready}, {"IMAGES": _images})
_POD_WIDE: dict[str, Cell] = {
    "IPV6": lambda row: _sixth(as_text(each.get("ip")) for each in as_dicts(_status(row).get("podIPs"))),
    "ACCOUNT": lambda row: as_text(_spec(row).get("serviceAccountName")) or "default",
    "IMAGES": _images,
}
_COLUMNS: dict[str, tuple[dict[str, Cell], dict[str, Cell]]] = {
    DEPLOYMENT.key: _WORKLOAD,
    STATEFUL_SET.key: _WORKLOAD,
    JOB.key: ({"SUCCEEDED": lambda row: str(_status(row).get("succeeded", 0))}, {"IMAGES": _images}),
    AUTOSCALER.key: (
        {
            "REFERENCE": lambda row: _reference(as_dict(_spec(row).get("scaleTargetRef"))),
            "TARGETS": _targets,
            "MINPODS": lambda row: str(_spec(row).get("minReplicas", 1)),
            "MAXPODS": lambda row: str(_spec(row).get("maxReplicas", "")),
            "REPLICAS": lambda row: str(_status(row).get("currentReplicas", 0)),
        },
        {},
    ),
    SERVICE.key: (
        {
            "TYPE": lambda row: as_text(_spec(row).get("type")) or "ClusterIP",
            "CLUSTER-IP": lambda row: as_text(_spec(row).get("clusterIP")),
            "PORTS": _ports,
        },
        {
            "IPV6": lambda row: _sixth(as_strings(_spec(row).get("clusterIPs"))),
            "SELECTOR": lambda row: _labels(_spec(row).get("selector")),
        },
    ),
    SERVICE_ENTRY.key: (
        {"HOSTS": lambda row: ",".join(as_strings(_spec(row).get("hosts"))), "PORTS": _ports},
        {
            "RESOLUTION": lambda row: as_text(_spec(row).get("resolution")) or "NONE",
            "GIVEN": lambda row: _addresses(as_dicts(_status(row).get("addresses")), "value"),
        },
    ),
    AUTHORIZATION_POLICY.key: (
        {
            "ACTION": lambda row: as_text(_spec(row).get("action")) or "ALLOW",
            "FOR": _selected,
            "RULES": lambda row: str(len(as_dicts(_spec(row).get("rules")))),
        },
        {"CALLERS": _callers},
    ),
    PEER_AUTHENTICATION.key: (
        {"MODE": lambda row: as_text(as_dict(_spec(row).get("mtls")).get("mode")) or "UNSET", "FOR": _selected},
        {
            "PORTS": lambda row: ",".join(
                f"{port}={as_text(as_dict(told).get('mode'))}"
                for port, told in as_dict(_spec(row).get("portLevelMtls")).items()
            )
        },
    ),
    NAMESPACE.key: (
        {"MESH": lambda row: as_text(as_dict(_meta(row).get("labels")).get(_ENROLLED)) or "-"},
        {"LABELS": lambda row: _labels(_meta(row).get("labels"))},
    ),
    NODE.key: (
        {"ADDRESS": lambda row: _addresses(as_dicts(_status(row).get("addresses"))[:1], "address")},
        {"LABELS": lambda row: _labels(_meta(row).get("labels"))},
    ),
}
