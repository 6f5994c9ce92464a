"""SID312: alerts and dashboards that ask sidecars: waypoints as reporters, and what nobody answers any more.

Source: istio-semantics.md §6.1 (o).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sidestep.convert.objects import replaced
from sidestep.convert.policies.readers import everybody, guarding, is_ambient, names_of
from sidestep.convert.promql.documents import Document, Found, in_text, in_tree, with_queries
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity, Tree
from sidestep.model.resource import Resource
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict

CODE = "SID312"
_MARKS = (b"istio", b"envoy_")
_RULES = ("PrometheusRule", "VMRule")


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    about = any(mark in resource.body for mark in _MARKS)
    if not about or not any(is_ambient(context, pods) for pods in everybody(context)):
        return Rewritten()
    tree = resource.tree()
    if resource.kind in _RULES:
        found, left = tuple(in_tree(tree.get("spec"), "spec")), tuple[str, ...]()
        now = {**tree, "spec": with_queries(tree.get("spec"))}
    else:
        now, found, left = _texts(tree, ("spec", "json") if resource.kind == "GrafanaDashboard" else ("data",))
    changes = replaced(resource, now, CODE) if any(each.changes for each in found) else ()
    return Rewritten(changes, tuple(_losses(resource, found, left, context)))


def _texts(tree: Tree, path: tuple[str, ...]) -> tuple[Tree, tuple[Found, ...], tuple[str, ...]]:
    """An object with texts, one or several by key, its queries, and those that stay as they are."""
    top = as_dict(tree.get(path[0]))
    keys = [path[1]] if len(path) > 1 else sorted(top)
    documents: dict[str, Document] = {key: in_text(top[key]) for key in keys if isinstance(top.get(key), str)}
    now = {**tree, path[0]: {**top, **{key: each.text for key, each in documents.items()}}} if documents else tree
    found = [
        Found(f"{path[0]}[{key}].{one.field}", one.text, one.query)
        for key, each in documents.items()
        for one in each.queries
    ]
    left = [f"{path[0]}[{key}].{field}" for key, each in documents.items() for field in each.left]
    return now, tuple(found), tuple(left)


def _losses(
    resource: Resource[Any], found: tuple[Found, ...], left: tuple[str, ...], context: Context
) -> Iterator[Loss]:
    loss = partial(Loss, resource.id, severity=Severity.OBSERVABILITY, rule=CODE)
    bare = _bare(context)
    for each in found:
        for lost in each.query.lost:
            yield loss(each.field, lost.did, lost.why, lost.instead)
        if bare and each.query.of_http:
            why = f"no waypoint is before {names_of(bare)}: ztunnel counts their connections and bytes only"
            instead = "put a waypoint before their Service, or ask istio_tcp_connections_opened_total"
            yield loss(
                each.field, f"it asked {each.query.of_http[0].metric or 'for HTTP'} of all workloads", why, instead
            )
    for field in left:
        instead = "add waypoint to what the matcher of reporter takes"
        yield loss(field, "it asked sidecars as reporters", "it could not be found again in the text", instead)


def _bare(context: Context) -> tuple[Instances, ...]:
    """Those in ambient whose HTTP nobody counts."""
    return tuple(each for each in everybody(context) if is_ambient(context, each) and not guarding(context, each))


RULE = Rule(
    CODE,
    "query",
    "Queries of dashboards and alerts ask waypoints too",
    ("PrometheusRule", "VMRule", "GrafanaDashboard", "ConfigMap"),
    _rewrite,
)
