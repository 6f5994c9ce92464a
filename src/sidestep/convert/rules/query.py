"""SID312: alerts and dashboards that ask sidecars: waypoints as reporters, and what nobody answers any more.

Source: istio-semantics.md §6.1 (o).
"""

from typing import Any

from sidestep.convert.objects import replaced
from sidestep.convert.policies.readers import everybody, is_ambient
from sidestep.convert.promql.documents import Document, Found, in_text, in_tree, with_queries
from sidestep.convert.promql.unanswered import Asking, query_losses
from sidestep.convert.rewrite import Context, Rewritten, Rule, Tree
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict

CODE = "SID312"
MARKS = (b"istio", b"envoy_")
"""Of all that may ask about the mesh."""
_RULES = ("PrometheusRule", "VMRule")


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    about = any(mark in resource.body for mark in MARKS)
    if not about or not any(is_ambient(context, pods) for pods in everybody(context)):
        return Rewritten()
    tree = resource.tree()
    if resource.kind in _RULES:
        found, left = tuple(in_tree(tree.get("spec"), "spec")), tuple[str, ...]()
        now = {**tree, "spec": with_queries(tree.get("spec"))}
    else:
        now, found, left = _texts(tree, ("spec", "json") if resource.kind == "GrafanaDashboard" else ("data",))
    changes = replaced(resource, now, CODE) if any(each.changes for each in found) else ()
    return Rewritten(changes, tuple(query_losses(Asking(resource.id, found, left), context, CODE)))


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


RULE = Rule(
    CODE,
    "query",
    "Queries of dashboards and alerts ask waypoints too",
    ("PrometheusRule", "VMRule", "GrafanaDashboard", "ConfigMap"),
    _rewrite,
)
