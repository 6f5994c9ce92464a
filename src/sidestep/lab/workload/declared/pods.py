"""What the containers of a pod run, and what of it could not be understood."""

from collections.abc import Container as Holds
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.lab.cluster.injected import health_port
from sidestep.lab.cluster.objects import Tree, spec_of
from sidestep.lab.cluster.services import Near
from sidestep.lab.workload.containers import Container
from sidestep.lab.workload.declared.behaviour import (
    ANNOTATION,
    CALLS,
    COMMAND,
    Written,
    behaviour_of,
    text_for,
    written_behaviour,
)
from sidestep.lab.workload.declared.calls import calls_of
from sidestep.lab.workload.declared.ports import Declared, declared_ports, port_of, undeclared_targets
from sidestep.lab.workload.declared.probes import probes_of
from sidestep.semantics.loose import annotations_of, as_dicts, as_text, labels_of
from sidestep.semantics.proxies import PROXY, STATUS

OURS = "sidestep.dev/"
_OF_CONTAINERS = frozenset(each.removeprefix(OURS) for each in (ANNOTATION, CALLS, COMMAND))


class Runs(Struct, frozen=True):
    """What a pod runs.

    Attributes:
        containers: in the order of the object.
        problems: sentences on what was not understood, and is taken as if it were not there.
    """

    containers: tuple[Container, ...]
    problems: tuple[str, ...] = ()


def runs(pod: Tree, services: Near) -> Runs:
    """What a pod runs.

    Args:
        pod: the object.
        services: of its namespace.
    """
    trees = [each for each in as_dicts(spec_of(pod).get("containers")) if each.get("name") != PROXY]
    serving = services.selecting.taking(labels_of(pod))
    declared = [list(declared_ports(each)) for each in trees]
    if declared:
        declared[0].extend(undeclared_targets(serving, [port for ports in declared for port in ports]))
    problems: list[str] = []
    taken: set[tuple[int, bool]] = set()
    containers = []
    for tree, ports in zip(trees, declared, strict=True):
        own = _free(ports, taken, as_text(tree.get("name")), problems)
        containers.append(_container(tree, own, annotations_of(pod), services.every, serving, problems))
    problems.extend(_strangers(annotations_of(pod), {each.name for each in containers}))
    return Runs(tuple(containers), tuple(problems))


def _strangers(annotations: Mapping[str, str], names: Holds[str]) -> Iterator[str]:
    """Annotations for containers that do not run: users' init containers are left out, too."""
    for key in sorted(annotations):
        kind, _, container = key.removeprefix(OURS).partition(".")
        if key.startswith(OURS) and kind in _OF_CONTAINERS and container and container not in names:
            yield f"annotation {key}: no container {container} runs in the pod; init containers are left out"


def _container(  # noqa: PLR0913, PLR0917
    tree: Tree,
    ports: Sequence[Declared],
    annotations: Mapping[str, str],
    services: Sequence[Tree],
    serving: Sequence[Tree],
    problems: list[str],
) -> Container:
    name, env = as_text(tree.get("name")), _env(tree)
    calls = calls_of(text_for(CALLS, name, annotations, env), as_text(tree.get("image")), env, services)
    written = Written()
    behaviour = behaviour_of(written, calls)
    try:
        written = written_behaviour(text_for(ANNOTATION, name, annotations, env))
        behaviour = behaviour_of(written, calls)
    except UsageError as error:
        problems.append(f"container {name}: {error}")
    command = text_for(COMMAND, name, annotations, {})
    probes = probes_of(tree, ports)
    taken = {port.number for port in ports} | ({health_port(annotations)} if STATUS in annotations else set())
    probed = [each for each in _probed(tree, ports) if each.number not in taken]
    return Container(
        name,
        tuple(port_of(each, serving, written.protocol) for each in (*ports, *probed)),
        behaviour,
        probes,
        ("/bin/sh", "-c", command) if command else (),
        env,
    )


def _probed(tree: Tree, ports: Sequence[Declared]) -> list[Declared]:
    """Ports that are probed, though nobody names them: a program that is probed there listens there."""
    numbers = {each.port for each in probes_of(tree, ports) if each.port and not each.host}
    return [Declared(number) for number in sorted(numbers)]


def _free(
    ports: Sequence[Declared], taken: set[tuple[int, bool]], container: str, problems: list[str]
) -> list[Declared]:
    """Those ports that no container has yet."""
    free = []
    for port in ports:
        key = (port.number, port.transport == "UDP")
        if key in taken:
            problems.append(f"container {container}: port {port.number} is taken by another container of the pod")
        else:
            taken.add(key)
            free.append(port)
    return free


def _env(tree: Tree) -> dict[str, str]:
    return {
        as_text(each.get("name")): each["value"]
        for each in as_dicts(tree.get("env"))
        if isinstance(each.get("value"), str)
    }
