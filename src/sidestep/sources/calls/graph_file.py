"""Who calls whom, from a service graph in the format of Isotope (istio/tools, isotope/README.md).

Each service has a script of steps; a step is a command or a list of commands that run at once, and `call` names another
service. Isotope makes a Deployment and a Service of each. How often the graph is entered is not in the file, so no rate
is known.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sidestep.errors import WorldError
from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Edge, Evidence, call_graph
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.yaml_tree import DocumentError, read_document
from sidestep.sources.calls.directory import Directory
from sidestep.sources.interface import Report, unheard

LARGEST = 64 * 2**20
_SHOWN = 3
_FORM = "see isotope/README.md in istio/tools for the format"
_DEFAULTS = ("defaults", "default")
_PROTOCOL = "http"


class GraphFileCalls:
    """Calls from a graph file.

    Args:
        path: the file.
        namespace: of services that name none.
    """

    def __init__(self, path: str, namespace: str = "default") -> None:
        self._path = path
        self._namespace = namespace

    def read(self, mesh: Mesh, report: Report = unheard) -> CallGraph:
        """All calls of the file; parts that are none are counted in a gap.

        Raises:
            WorldError: the file cannot be read, or is no graph at all.
        """
        del report
        graph = _Graph(_tree(self._path), self._path, self._namespace, Directory(mesh))
        edges = list(graph.edges())
        return call_graph(edges, graph.gaps())


class _Graph:
    """Services by name, and what in the file was wrong."""

    def __init__(self, tree: dict[str, Any], path: str, namespace: str, directory: Directory) -> None:
        self._path = path
        self._namespace = namespace
        self._directory = directory
        self._wrong: list[str] = []
        self._defaults: dict[str, Any] = next((tree[key] for key in _DEFAULTS if isinstance(tree.get(key), dict)), {})
        self._services: dict[str, tuple[str, dict[str, Any]]] = {}
        for index, service in enumerate(tree["services"]):
            self._know(f"services[{index}]", service)

    def _know(self, at: str, service: Any) -> None:
        name = service.get("name") if isinstance(service, dict) else None
        if not isinstance(name, str) or not name or name in self._services:
            self._wrong.append(f"{at}: {'twice ' + name if isinstance(name, str) and name else 'no name'}")
            return
        self._services[name] = (at, service)

    def edges(self) -> Iterator[Edge]:
        """Calls of all scripts, and from outside to where the graph is entered."""
        for name, (at, service) in self._services.items():
            ref = self._workload(name)
            caller = Caller(CallerRole.WORKLOAD, ref.namespace, ref.kind, ref.name)
            if service.get("isEntrypoint") is True:
                yield self._edge(Caller(), name, f"{at}.isEntrypoint")
            script = service.get("script", self._defaults.get("script"))
            for place, command in self._commands(f"{at}.script", script):
                called = self._called(place, command)
                if called:
                    yield self._edge(caller, called, place)

    def gaps(self) -> list[Gap]:
        """What in the file was wrong; known when all edges were made."""
        if not self._wrong:
            return []
        more = f" and {len(self._wrong) - _SHOWN} more" if len(self._wrong) > _SHOWN else ""
        return [Gap(self._path, GapReason.MALFORMED, "; ".join(self._wrong[:_SHOWN]) + more, _FORM)]

    def _commands(self, at: str, script: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Commands of a script, those that run at once included."""
        for index, step in enumerate(self._list(at, script)):
            place = f"{at}[{index}]"
            listed = enumerate(step) if isinstance(step, list) else [(None, step)]
            for inner, command in listed:
                where = place if inner is None else f"{place}[{inner}]"
                if isinstance(command, dict):
                    yield where, command
                else:
                    self._wrong.append(f"{where}: no command")

    def _list(self, at: str, value: Any) -> list[Any]:
        if value is not None and not isinstance(value, list):
            self._wrong.append(f"{at}: no list")
        return value if isinstance(value, list) else []

    def _called(self, at: str, command: dict[str, Any]) -> str | None:
        """The service that a command calls; None for one that calls nobody."""
        if "call" not in command:
            return None
        call = command["call"]
        name = call.get("service") if isinstance(call, dict) else call
        if isinstance(name, str) and name in self._services:
            return name
        self._wrong.append(f"{at}: calls {name if isinstance(name, str) else 'nobody'}, which is no service here")
        return None

    def _edge(self, caller: Caller, name: str, at: str) -> Edge:
        ref = self._workload(name)
        callee = Callee(ref.namespace, ref.kind, ref.name, ref.namespace, name)
        kind = self._services[name][1].get("type", self._defaults.get("type", _PROTOCOL))
        protocol = kind if isinstance(kind, str) else _PROTOCOL
        proofs = (f"{self._path}: {at}",)
        return Edge(caller, callee, protocol=protocol, evidence=Evidence.GRAPH_FILE, proofs=proofs)

    def _workload(self, name: str) -> WorkloadRef:
        space = self._services[name][1].get("namespace")
        found = self._directory.workload(space if isinstance(space, str) and space else self._namespace, name)
        return found if found.kind else WorkloadRef(found.namespace, "Deployment", name)


def _tree(path: str) -> dict[str, Any]:
    """The file's mapping, which has a list of services."""
    try:
        with Path(path).open("rb") as stream:
            text = stream.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise WorldError(f"longer than {LARGEST:,} bytes", where=path, remedy="divide the graph")
        tree = read_document(text).value
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=path, remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise WorldError("not UTF-8", where=path, remedy="save the file as UTF-8") from error
    except DocumentError as error:
        raise WorldError(str(error), where=f"{path}:{error.line + 1}", remedy="correct the YAML") from error
    if not isinstance(tree, dict) or not isinstance(tree.get("services"), list):
        raise WorldError("no service graph: it has no list of services", where=path, remedy=_FORM)
    return tree
