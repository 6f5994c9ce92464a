"""EnvoyFilters by which releases of Istio up to 1.20 installed their own metrics: they change no answer.

Source: the manifests of those releases (telemetry v2: `stats-filter-1.15`, `tcp-stats-filter-1.15`,
`metadata-exchange-1.9`, `stackdriver-filter-1.13` in the root namespace). ztunnel and waypoints measure by themselves,
and newer releases need none of them; upgrades leave some behind, which match no proxy any more.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.semantics.loose import as_dict, as_dicts, as_text

_NAMES = frozenset(
    {
        "istio.stats",
        "istio.metadata_exchange",
        "istio.stackdriver",
        "istio.access_log",
        "envoy.filters.network.metadata_exchange",
        "envoy.filters.network.upstream.metadata_exchange",
    }
)
_ADDED = frozenset({"INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "ADD"})
_TYPES = (
    ".TypedStruct",
    ".wasm.v3.Wasm",
    ".wasm.v2.Wasm",
    "/stats.PluginConfig",
    ".metadataexchange.config.MetadataExchange",
    ".peer_metadata.Config",
    "google.protobuf.StringValue",
)
_TYPE_FIELDS = ("@type", "type_url", "typeUrl")
_OWN_CODE = "envoy.wasm.runtime.null"
"""The runtime of what is compiled into the proxy; any other runs somebody's code."""


def only_measures(spec: Mapping[str, Any]) -> bool:
    """Whether all that an EnvoyFilter does is to add Istio's own filters for metrics and for what they exchange."""
    patches = as_dicts(spec.get("configPatches"))
    return bool(patches) and all(_measures(each) for each in patches)


def _measures(written: Mapping[str, Any]) -> bool:
    patch = as_dict(written.get("patch"))
    operation, value = as_text(patch.get("operation")), as_dict(patch.get("value"))
    if operation == "MERGE":
        filters = as_dicts(value.get("filters")) if set(value) == {"filters"} else []
        return as_text(written.get("applyTo")) == "CLUSTER" and bool(filters) and all(map(_own, filters))
    return operation in _ADDED and _own(value)


def _own(filter_: Mapping[str, Any]) -> bool:
    """By its name, and by what it is made of: a name alone is anybody's to give."""
    said = list(_texts(filter_))
    types = [text for field, text in said if field in _TYPE_FIELDS]
    runtimes = [text for field, text in said if field == "runtime"]
    return (
        as_text(filter_.get("name")) in _NAMES
        and all(each.endswith(_TYPES) for each in types)
        and all(each == _OWN_CODE for each in runtimes)
        and (bool(runtimes) or not any(each.endswith(".Wasm") for each in types))
    )


def _texts(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a tree with the field that holds it."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, field)
    elif isinstance(value, str):
        yield field, value
