"""Texts of a pod template that may name services: environment variables, commands and arguments.

The mesh's own containers are left out: what they name is the control plane.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from sidestep.model.pods import Container, PodSpec

_OWN = frozenset({"istio-proxy", "istio-init", "istio-validation"})
_REFERENCE = re.compile(r"\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
_FLAG = re.compile(r"(--?[A-Za-z][\w.-]*)=(.*)", re.DOTALL)


class Declared(Struct, frozen=True):
    """A text.

    Attributes:
        field: where it stands, e.g. `env CART_ADDR of container app`; never its value.
        called: name of the variable or flag; empty where it has none.
        text: the value, with variables of the same container filled in as the kubelet does.
    """

    field: str
    called: str
    text: str


def declared_texts(spec: PodSpec) -> Iterator[Declared]:
    """All texts of a template."""
    for container in _containers(spec):
        variables = {each.name: each.value for each in container.env or () if each.value}
        where = f"of container {container.name}"
        for name, value in variables.items():
            yield Declared(f"env {name} {where}", name, _filled(value, variables))
        for part, words in (("command", container.command or ()), ("args", container.args or ())):
            for index, called, text in _words(words):
                yield Declared(f"{part}[{index}] {where}", called, _filled(text, variables))


def references(spec: PodSpec) -> int:
    """How many variables take their value from elsewhere: a Secret, a ConfigMap, a field."""
    return sum(each.value is None for container in _containers(spec) for each in container.env or ())


def _containers(spec: PodSpec) -> Iterator[Container]:
    return (container for container in spec.all_containers if container.name not in _OWN)


def _words(words: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    """Index, flag and value of each argument: `--flag=value`, or `--flag` and then the value, or a value alone."""
    flag = ""
    for index, word in enumerate(words):
        match = _FLAG.fullmatch(word)
        if match:
            yield index, match[1], match[2]
        else:
            yield index, flag, word
        flag = word if word.startswith("-") and not match else ""


def _filled(text: str, variables: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda match: variables.get(match[1], match[0]), text)
