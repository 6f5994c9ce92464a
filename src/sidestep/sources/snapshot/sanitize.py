"""What never leaves the building: values of environment variables, arguments, what was last applied.

Walks whole trees, because pod templates stand at many depths and unknown kinds of template exist.
"""

from typing import Any

from sidestep.model.kinds import CONFIG_MAP
from sidestep.model.resource import Resource

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_PROXY_CONTAINERS = frozenset({"istio-proxy", "istio-init", "istio-validation"})
_KEPT_VARIABLES = frozenset({"PROXY_CONFIG", "DISABLE_ENVOY"})
_KEPT_PREFIX = "ISTIO_META_"
_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})
_DROPPED = frozenset({"managedFields", "caBundle", LAST_APPLIED})
_DROPPED_OF_CONTAINER = frozenset({"command", "args", "lifecycle"})
_PROBES = frozenset({"livenessProbe", "readinessProbe", "startupProbe"})
_MESH_CONFIG = ("istio",)
_NETWORK_CONFIG = frozenset({"cilium-config", "calico-config"})


def is_kept_variable(name: object) -> bool:
    """Whether a proxy's environment variable keeps its value: it says what the proxy can do."""
    return isinstance(name, str) and (name in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIX))


def is_taken(resource: Resource[Any]) -> bool:
    """Whether an object belongs into a snapshot: every kind does, but of ConfigMaps only the mesh's and the CNI's."""
    if resource.kind != CONFIG_MAP.name or "/" in resource.api_version:
        return True
    return resource.meta.name.startswith(_MESH_CONFIG) or resource.meta.name in _NETWORK_CONFIG


def sanitized(value: Any) -> Any:
    """A tree without what is secret or private by nature."""
    if isinstance(value, list):
        return [sanitized(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _member(key, member) for key, member in value.items() if key not in _DROPPED}


def _member(key: str, value: Any) -> Any:
    if key in _CONTAINERS and isinstance(value, list):
        return [_container(item) if isinstance(item, dict) else item for item in value]
    if key == "env" and isinstance(value, list):
        return _names_only(value)
    if key == "environmentVariables" and isinstance(value, dict):
        return {name: told if is_kept_variable(name) else "" for name, told in value.items()}
    return sanitized(value)


def _container(container: dict[str, Any]) -> dict[str, Any]:
    is_proxy = container.get("name") in _PROXY_CONTAINERS
    kept = {
        key: _probe(value) if key in _PROBES else _member(key, value)
        for key, value in container.items()
        if is_proxy or key not in _DROPPED_OF_CONTAINER
    }
    if is_proxy and isinstance(container.get("env"), list):
        kept["env"] = [_variable(entry) for entry in container["env"] if isinstance(entry, dict)]
    return kept


def _variable(entry: dict[str, Any]) -> dict[str, Any]:
    kept = ("name", "value") if is_kept_variable(entry.get("name")) else ("name",)
    return {key: entry[key] for key in kept if key in entry}


def _names_only(entries: list[Any]) -> list[Any]:
    return [{"name": entry["name"]} for entry in entries if isinstance(entry, dict) and "name" in entry]


def _probe(probe: Any) -> Any:
    """A probe without its command and its headers, which may carry credentials."""
    if not isinstance(probe, dict):
        return probe
    without = {key: value for key, value in probe.items() if key != "exec"}
    call = without.get("httpGet")
    if isinstance(call, dict):
        without["httpGet"] = {key: value for key, value in call.items() if key != "httpHeaders"}
    return without
