"""YAML and JSON that Istio keeps inside strings: ConfigMap keys and annotations."""

from typing import Any

import msgspec
import yaml


def embedded_yaml(text: str | None) -> dict[str, Any] | None:
    """The mapping in a string; None when there is none or it cannot be read."""
    if not text:
        return None
    try:
        tree = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def embedded_json(text: str | None) -> dict[str, Any] | None:
    """The JSON object in a string; None when there is none or it cannot be read."""
    if not text:
        return None
    try:
        tree = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return tree if isinstance(tree, dict) else None
