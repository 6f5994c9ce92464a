"""Options and names that verbs of the lab share."""

import functools
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
import yaml

from sidestep.cli.output import emit
from sidestep.errors import UsageError
from sidestep.lab.api.client import Client
from sidestep.lab.cluster.objects import Ref
from sidestep.lab.machine.scratch import DEFAULT, Scratch, home
from sidestep.model.kinds import KINDS

FORMATS = ("table", "json", "yaml")
WIDE = "wide"
_KIND_AND_NAME = 2
_SHORT = {"po": "pods", "svc": "services", "deploy": "deployments.apps", "sts": "statefulsets.apps", "ns": "namespaces"}
_SHORT |= {"ds": "daemonsets.apps", "rs": "replicasets.apps", "no": "nodes", "sa": "serviceaccounts"}
_SHORT |= {"cm": "configmaps", "hpa": "horizontalpodautoscalers.autoscaling"}


def lab_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--name` of the lab."""
    option = click.option(
        "--name", "lab", default=DEFAULT, show_default=True, metavar="NAME", help="Which lab, where several are up."
    )
    return option(function)


def in_namespace(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-n` for one object."""
    option = click.option("-n", "--namespace", default="default", show_default=True, metavar="NS", help="Namespace.")
    return option(function)


def output(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-o` for what a lab tells."""
    return click.option("-o", "--output", type=click.Choice(FORMATS), default="table", help="Format.")(function)


def output_or_wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-o` for what is a table with more columns than are usually shown."""
    return click.option("-o", "--output", type=click.Choice((*FORMATS, WIDE)), default="table", help="Format.")(
        function
    )


def terminal_width() -> int | None:
    """Columns of the terminal that tables must fit in; None where stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def client(name: str, timeout: float = 120.0) -> Client:
    """To a running lab."""
    return Client(Scratch(home(name)).socket, timeout)


def show(format_: str, told: Any, text: Callable[[], str]) -> None:
    """Print what was told as data, or in words."""
    match format_:
        case "json":
            emit(json.dumps(told, indent=2) + "\n", None)
        case "yaml":
            emit(yaml.safe_dump(told, sort_keys=False), None)
        case _:
            emit(text(), None)


def kind_key(word: str) -> str:
    """The key of a kind by its plural, its singular, its name or kubectl's short name.

    Raises:
        UsageError: the lab knows no such kind.
    """
    low = word.lower()
    key = _SHORT.get(low) or _keys().get(low)
    if key is None:
        raise UsageError(f"no kind is called {word!r}", remedy="say e.g. pods, deployments or authorizationpolicies")
    return key


@functools.cache
def _keys() -> dict[str, str]:
    found: dict[str, str] = {}
    for kind in reversed(KINDS):
        found |= dict.fromkeys((kind.key, kind.plural, kind.name.lower()), kind.key)
    return found


def named_objects(words: Sequence[str], namespace: str) -> list[Ref]:
    """Objects as kubectl takes them: `kind/name kind/name`, or `kind name name`.

    Raises:
        UsageError: they are not written so, or the lab knows no such kind.
    """
    if len(words) < _KIND_AND_NAME or any("/" in word for word in words):
        return [named_object(word, namespace) for word in words]
    kind, *names = words
    return [named_object(f"{kind}/{name}", namespace) for name in names]


def named_object(word: str, namespace: str) -> Ref:
    """An object by `kind/name`.

    Raises:
        UsageError: it is not written so, or the lab knows no such kind.
    """
    kind, slash, name = word.partition("/")
    if not slash or not name:
        raise UsageError(f"{word!r} names no object", remedy="write KIND/NAME or KIND NAME, e.g. deployment/web")
    key = kind_key(kind)
    clustered = any(each.key == key and not each.namespaced for each in KINDS)
    return Ref(key, "" if clustered else namespace, name)
