"""Names and parents of routes that are made for a service."""

from collections.abc import Sequence
from itertools import chain, count

from sidestep.convert.objects import made
from sidestep.convert.rewrite import ORIGIN, RULE, Tree
from sidestep.convert.routes.survey import Survey
from sidestep.model.kinds import GRPC_ROUTE, HTTP_ROUTE, TCP_ROUTE, TLS_ROUTE
from sidestep.model.metadata import ObjectId
from sidestep.semantics.service_index import Service

_KINDS = {kind.name: kind for kind in (HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, TLS_ROUTE)}
_ISTIO = "networking.istio.io"


class RouteMaker:
    """Makes the routes of one service from one object; no two are called the same."""

    def __init__(self, found: Survey, service: Service, origin: ObjectId, rule: str) -> None:
        self._found = found
        self._service = service
        self._origin = origin
        self._rule = rule
        self._taken: dict[tuple[str, str, str], None] = found.kept.setdefault("names of routes", {})

    def route(self, kind: str, api_version: str, ports: Sequence[int], rest: Tree) -> Tree:
        """A route on some ports of the service; on none for all."""
        name = self._name(kind)
        spec = {"parentRefs": [self._parent(port) for port in ports] or [self._parent(0)], **rest}
        place = (self._service.namespace, name)
        return made((api_version, kind), place, spec, str(self._origin), self._rule)

    def _parent(self, port: int) -> Tree:
        kind = self._service.resource.kind
        group = "" if kind == "Service" else _ISTIO
        return {"group": group, "kind": kind, "name": self._service.name, **({"port": port} if port else {})}

    def _name(self, kind: str) -> str:
        space = self._service.namespace
        stem = self._service.name if self._service.resource.kind == "Service" else f"{self._service.name}-entry"
        names = chain((stem,), (f"{stem}-{number}" for number in count(2)))
        name = next(each for each in names if self._is_free(kind, space, each))
        self._taken[kind, space, name] = None
        return name

    def _is_free(self, kind: str, space: str, name: str) -> bool:
        standing = self._found.index.mesh.find(_KINDS[kind], space, name)
        own = standing is None or self._ours(standing.meta.annotations)
        return own and (kind, space, name) not in self._taken

    def _ours(self, annotations: dict[str, str]) -> bool:
        return annotations.get(RULE) == self._rule and annotations.get(ORIGIN) == str(self._origin)
