"""Hash every name in the tree of an object and leave its form and the API's own words as they are."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import yaml

from sidestep.model.pods import is_kept_annotation
from sidestep.sources.snapshot.pseudonyms import Pseudonyms
from sidestep.sources.snapshot.sanitize import is_kept_variable
from sidestep.sources.snapshot.vocabulary import MEANING_FIELDS, NAME_FIELDS, is_known_domain

_LABEL_MAPS = frozenset({"labels", "matchLabels", "nodeSelector"})
_DROPPED = frozenset({"message", "managedFields"})
_STATUS_ANNOTATION = "sidecar.istio.io/status"
_CONTAINER_ANNOTATIONS = "kubectl.kubernetes.io/default-"
_SETTINGS = frozenset({"true", "false", "strict", "partial", "probe", "disabled", "enabled"})
_INJECTOR_SETTINGS = ("policy", "alwaysInjectSelector", "neverInjectSelector", "defaultTemplates")
_POLICY_ATTRIBUTE = re.compile(r"(?:request|source|destination|connection)\.[A-Za-z_.]+")
_API_FIELD = re.compile(r"[a-z][A-Za-z0-9]*")
_FREE_TABLES = frozenset({"headers", "withoutHeaders", "queryParams", "set", "add", "distribute", "to", "jwtClaims"})
"""Tables whose keys the user chose."""
_MESH_KEYS = ("mesh", "meshNetworks", "config")


def anonymous(tree: dict[str, Any], names: Pseudonyms) -> dict[str, Any]:
    """An object whose names, label values and hosts are hashes."""
    walked: dict[str, Any] = _Walk(names).object(tree)
    return walked


class _Walk:
    def __init__(self, names: Pseudonyms) -> None:
        self._names = names

    def object(self, tree: dict[str, Any]) -> dict[str, Any]:
        api_version, kind = str(tree.get("apiVersion", "")), tree.get("kind")
        group = api_version.rpartition("/")[0]
        walked = self._table(tree)
        if kind == "ConfigMap" and not group:
            walked["data"] = dict(self._settings(tree.get("data")))
            walked.pop("binaryData", None)
        if "." in group and not is_known_domain(group):
            walked |= {"apiVersion": self._names.group_version(api_version), "kind": self._names.whole(str(kind))}
        return walked

    def _table(self, table: dict[str, Any]) -> dict[str, Any]:
        if "operator" in table and "key" in table:
            return self._requirement(table)
        if "effect" in table and "key" in table:
            return {**table, **self._labels({table["key"]: table.get("value", "")}, as_pair=True)}
        return {
            self._key(key): self._member(key, value, table)
            for key, value in table.items()
            if not (key in _DROPPED and isinstance(value, str))
        }

    def _key(self, key: str) -> str:
        """A field of the API stays, even where something in the mesh is called the same."""
        return key if _API_FIELD.fullmatch(key) else self._names.text(key)

    def _member(self, key: str, value: Any, table: dict[str, Any]) -> Any:
        special = _SPECIAL.get(key)
        if special is not None:
            return special(self, value)
        if key in _FREE_TABLES and isinstance(value, dict):
            return {self._names.text(name): self._member(name, member, value) for name, member in value.items()}
        if key in _LABEL_MAPS or (key == "selector" and _is_flat(value)):
            return self._labels(value) if isinstance(value, dict) else self._value(value)
        if key == "key" and isinstance(value, str):
            return self._attribute(value)
        if key == "value" and isinstance(table.get("name"), str):
            return self._variable(table["name"], value)
        if key in ("values", "notValues") and "key" in table:
            return self._each(value, self._names.names)
        if key in MEANING_FIELDS and not isinstance(value, dict):
            return value if key not in ("from", "status", "resources", "operations") else self._value(value)
        return self._each(value, self._names.names) if key in NAME_FIELDS else self._value(value)

    def _value(self, value: Any) -> Any:
        return self._each(value, self._names.text)

    def _each(self, value: Any, hashed: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return hashed(value)
        if isinstance(value, list):
            return [self._each(item, hashed) for item in value]
        return self._table(value) if isinstance(value, dict) else value

    def _requirement(self, table: dict[str, Any]) -> dict[str, Any]:
        key = str(table["key"])
        walked = {**table, "key": self._names.label_key(key)}
        for field in ("values", "value"):
            if field in table:
                walked[field] = self._each(table[field], lambda value: self._names.label(key, value))
        return walked

    def _labels(self, table: Any, *, as_pair: bool = False) -> Any:
        walked = {
            self._names.label_key(key): self._names.label(key, value) if isinstance(value, str) else value
            for key, value in table.items()
        }
        return dict(zip(("key", "value"), next(iter(walked.items())), strict=True)) if as_pair else walked

    def annotations(self, table: Any) -> Any:
        """Annotations that somebody reads; the others are dropped."""
        if not isinstance(table, dict):
            return {}
        return {key: self._annotation(key, value) for key, value in table.items() if is_kept_annotation(key)}

    def _annotation(self, key: str, value: Any) -> Any:
        if key == _STATUS_ANNOTATION:
            revision = _embedded(value).get("revision")
            return msgspec.json.encode({"revision": revision} if isinstance(revision, str) else {}).decode()
        if key.startswith(_CONTAINER_ANNOTATIONS) and isinstance(value, str):
            return self._names.names(value)
        if isinstance(value, str) and _embedded(value):
            return msgspec.json.encode(self._value(_embedded(value))).decode()
        return self._value(value)

    def image(self, value: Any) -> Any:
        """A container's image."""
        return self._names.image(value) if isinstance(value, str) else self._value(value)

    def _variable(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and is_kept_variable(name):
            embedded = _embedded(value)
            return msgspec.json.encode(self._value(embedded)).decode() if embedded else self._names.names(value)
        return self._value(value)

    def environment(self, value: Any) -> Any:
        """Environment variables, whose names tell as much as names do."""
        if not isinstance(value, list):
            return self._value(value)
        return [self._one_variable(entry) for entry in value if isinstance(entry, dict)]

    def _one_variable(self, entry: dict[str, Any]) -> dict[str, Any]:
        name = str(entry.get("name", ""))
        kept = name if is_kept_variable(name) or name == "GRPC_XDS_BOOTSTRAP" else self._names.whole(name)
        return {"name": kept, **({"value": self._variable(name, entry["value"])} if "value" in entry else {})}

    def _attribute(self, key: str) -> str:
        """A label's key, or the attribute that a policy's condition reads."""
        found = _POLICY_ATTRIBUTE.match(key)
        if found:
            return key[: found.end()] + self._names.text(key[found.end() :])
        return self._names.label_key(key)

    def _settings(self, data: Any) -> Iterator[tuple[str, str]]:
        """What a mesh's or CNI's ConfigMap says that anything here reads; long texts are reduced to it."""
        for key, value in (data if isinstance(data, dict) else {}).items():
            if value in _SETTINGS:
                yield key, value
            elif key in _MESH_KEYS:
                tree = _embedded(value)
                if key == "config":
                    tree = {name: tree[name] for name in _INJECTOR_SETTINGS if name in tree}
                yield key, msgspec.json.encode(self._value(tree)).decode()


_SPECIAL: dict[str, Callable[[_Walk, Any], Any]] = {
    "annotations": _Walk.annotations,
    "image": _Walk.image,
    "env": _Walk.environment,
}


def _is_flat(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(member, str) for member in value.values())


def _embedded(text: Any) -> dict[str, Any]:
    """The mapping that a string holds as JSON or YAML; empty when it holds none."""
    if not isinstance(text, str) or ":" not in text:
        return {}
    try:
        tree = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}
