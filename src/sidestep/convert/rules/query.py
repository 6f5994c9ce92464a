"""SID312: alerts and dashboards that ask sidecars: waypoints as reporters, and what nobody answers any more.

Source: istio-semantics.md §6.1 (o).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sidestep.convert.objects import replaced
from sidestep.convert.policies.readers import everybody, is_ambient
from sidestep.convert.promql.documents import Document, Found, in_text, in_tree, tree_in, with_queries
from sidestep.convert.promql.recorded import Recorded, asking, recorded_in
from sidestep.convert.promql.unanswered import Asking, query_losses
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity, Tree
from sidestep.model.kinds import CONFIG_MAP
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict

CODE = "SID312"
MARKS = (b"istio", b"envoy_")
"""Of all that may ask about the mesh."""
_WITH_RULES = ("PrometheusRule", "VMRule")
_WITH_QUERIES = (
    *_WITH_RULES, "MetricTemplate", "AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun", "ScaledObject",
    "ScaledJob",
)  # fmt: skip
"""Rules of Prometheus, and what decides by queries: Flagger's, Argo's and KEDA's."""
_KEPT = "recorded series"
_BESIDE = "rules of plain files"
_ASKED = re.compile(rb"\bistio_(?:requests?|response|tcp)_|\benvoy_(?:cluster|http|listener)_|\bistio\.mesh\.")
_NO_QUERIES = ("CustomResourceDefinition",)


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    known = recorded(context)
    about = any(mark in resource.body for mark in MARKS) or any(name.encode() in resource.body for name in known)
    if not about or not any(is_ambient(context, pods) for pods in everybody(context)):
        return Rewritten()
    tree = resource.tree()
    if resource.kind in _WITH_QUERIES:
        found, left = tuple(in_tree(tree.get("spec"), "spec")), tuple[str, ...]()
        now = {**tree, "spec": with_queries(tree.get("spec"))}
    else:
        now, found, left = _texts(tree, _place(resource))
    parts = _parts(resource, tree) if known else ()
    indirect = tuple(each for at, part in parts for each in asking(part, known, at))
    changes = replaced(resource, now, CODE) if any(each.changes for each in found) else ()
    return Rewritten(changes, tuple(query_losses(Asking(resource.id, found, left, indirect), context, CODE)))


def with_rules_beside(context: Context, trees: Iterable[Tree]) -> None:
    """Let rules of plain files count as those of objects do."""
    kept: dict[str, Any] = vars(context)
    kept[_BESIDE] = tuple(trees)
    kept.pop(_KEPT, None)


def unread_queries(context: Context) -> Iterator[Loss]:
    """Objects of kinds that nothing is known of and that ask the mesh's metrics: of Sloth, Pyrra, Datadog …"""
    if not any(is_ambient(context, pods) for pods in everybody(context)):
        return
    for each in context.index.mesh.others:
        found = None if each.kind in (*RULE.kinds, *_NO_QUERIES) else _ASKED.search(each.body)
        if found is not None:
            name = found.group().decode()
            yield Loss(
                each.id, "", f"it asks what sidecars measured ({name}…)",
                f"nothing is known of how a {each.kind} writes queries", "let it ask waypoints as reporters too",
                Severity.OBSERVABILITY, CODE,
            )  # fmt: skip


def recorded(context: Context) -> Recorded:
    """Series that rules of the mesh, and of plain files beside it, record out of what sidecars measured; found once."""
    kept: dict[str, Any] = vars(context)
    if _KEPT not in kept:
        mesh = context.index.mesh
        others = [each for each in mesh.others if each.kind in _WITH_RULES]
        holders: list[Resource[Any]] = [*mesh.of(CONFIG_MAP), *others]
        parts = [part for each in holders if b"record" in each.body for _, part in _parts(each, each.tree())]
        kept[_KEPT] = recorded_in([*parts, *kept.get(_BESIDE, ())])
    found: Recorded = kept[_KEPT]
    return found


def _parts(resource: Resource[Any], tree: Tree) -> Iterator[tuple[str, Any]]:
    """The trees in which queries stand, with their places."""
    if resource.kind in _WITH_QUERIES:
        yield "spec", tree.get("spec")
    else:
        yield from _documents(tree, _place(resource))


def _place(resource: Resource[Any]) -> tuple[str, ...]:
    return ("spec", "json") if resource.kind == "GrafanaDashboard" else ("data",)


def _documents(tree: Tree, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Dashboards and rule files in texts of an object."""
    for key, text in _held(tree, path).items():
        part = tree_in(text)
        if part is not None:
            yield f"{path[0]}[{key}]", part


def _held(tree: Tree, path: tuple[str, ...]) -> dict[str, str]:
    """Texts of an object: one, or several by key."""
    top = as_dict(tree.get(path[0]))
    keys = [path[1]] if len(path) > 1 else sorted(top)
    return {key: top[key] for key in keys if isinstance(top.get(key), str)}


def _texts(tree: Tree, path: tuple[str, ...]) -> tuple[Tree, tuple[Found, ...], tuple[str, ...]]:
    """An object with texts, one or several by key, its queries, and those that stay as they are."""
    top = as_dict(tree.get(path[0]))
    documents: dict[str, Document] = {key: in_text(text) for key, text in _held(tree, path).items()}
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
    (*_WITH_QUERIES, "GrafanaDashboard", "ConfigMap"),
    _rewrite,
)
