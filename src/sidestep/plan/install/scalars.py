"""Plain scalars as Helm and istiod read them, which is not quite as PyYAML does.

Source: goyaml.v2 (resolve.go), which sigs.k8s.io/yaml is built on: `y` and `n` are booleans, a number may have an
exponent without a point, octal may be written `0o17`, and neither times nor `1:20` are anything but text.
"""

import re
from typing import Any

import yaml

_BOOL, _FLOAT, _INT = (f"tag:yaml.org,2002:{name}" for name in ("bool", "float", "int"))
_TIME, _VALUE = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"
LINE_ENDS = frozenset("\x85\u2028\u2029")
"""What a reader of YAML 1.1 takes for the end of a line, and PyYAML writes as it is."""
_LETTER = re.compile(r"[yYnN]")
_EXPONENT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")
_OCTAL = re.compile(r"[-+]?0[oO][0-7]+")
_NUMBER = re.compile(r"[-+]?\.?[0-9][0-9_.]*(?:[eE][-+]?[0-9]+)?|[-+]?0[oObBxX][0-9a-fA-F_]+")


class Loader(yaml.CSafeLoader):
    """Reads scalars as they do."""


class _WrittenOut:
    """No anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        """Always."""
        return True


class Dumper(_WrittenOut, yaml.CSafeDumper):
    """Quotes every text that some reader takes for something else, and writes everything out."""


class WideDumper(_WrittenOut, yaml.SafeDumper):
    """The same, with letters that libyaml escapes (beyond the Basic Multilingual Plane) or does not take; slow."""


def _str(loader: Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def _bool(loader: Loader, node: yaml.ScalarNode) -> bool:
    return _str(loader, node).lower() in ("y", "yes", "true", "on")


def _float(loader: Loader, node: yaml.ScalarNode) -> Any:
    text = _str(loader, node)
    if ":" in text:
        return text
    return float(text) if _EXPONENT.fullmatch(text) else loader.construct_yaml_float(node)


def _int(loader: Loader, node: yaml.ScalarNode) -> Any:
    text = _str(loader, node)
    if ":" in text:
        return text
    return int(text, 8) if _OCTAL.fullmatch(text) else loader.construct_yaml_int(node)


def _whole(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(f"(?:{pattern.pattern})$")


def _text(dumper: Dumper | WideDumper, text: str) -> yaml.ScalarNode:
    """In double quotes, which escape, where a reader of YAML 1.1 sees a line end that PyYAML writes as it is."""
    style = '"' if LINE_ENDS.intersection(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


for _tag, _pattern in ((_BOOL, _LETTER), (_FLOAT, _EXPONENT), (_INT, _OCTAL)):
    Loader.add_implicit_resolver(_tag, _whole(_pattern), list("yYnN+-0123456789"))
for _tag, _constructor in ((_BOOL, _bool), (_FLOAT, _float), (_INT, _int), (_TIME, _str), (_VALUE, _str)):
    Loader.add_constructor(_tag, _constructor)
for _dumper in (Dumper, WideDumper):
    for _tag, _pattern in ((_BOOL, _LETTER), (_FLOAT, _NUMBER)):
        _dumper.add_implicit_resolver(_tag, _whole(_pattern), list("yYnN+-.0123456789"))
    _dumper.add_representer(str, _text)
