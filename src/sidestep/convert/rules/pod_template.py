"""SID308: pod templates of workloads that move: labels of ambient, and nothing of a sidecar.

Source: istio-semantics.md §1.5, §7.2 (6), D29, D61.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sidestep.convert.objects import replaced
from sidestep.convert.pods.annotations import meanings
from sidestep.convert.pods.template import at, moved, path_of, proxies, put, settled
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity, Tree
from sidestep.model.metadata import WorkloadRef
from sidestep.model.resource import Resource
from sidestep.semantics.instances import BYPASS_INBOUND
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.proxies import PROXY
from sidestep.semantics.proxy_calls import proxy_calls

CODE = "SID308"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    if WorkloadRef(resource.meta.namespace, resource.kind, resource.meta.name) not in context.moving:
        return Rewritten()
    tree = resource.tree()
    path = path_of(tree)
    if path is None:
        return Rewritten()
    template = at(tree, path)
    now = put(tree, path, moved(template))
    then = put(tree, path, settled(moved(template)))
    late = replaced(resource, then, CODE, late=True) if then != now else ()
    return Rewritten((*replaced(resource, now, CODE), *late), tuple(_losses(resource, ".".join(path), template)))


def _losses(resource: Resource[Any], at_path: str, template: Tree) -> Iterator[Loss]:
    loss = partial(Loss, resource.id, rule=CODE)
    for field, meant in meanings(as_dict(as_dict(template.get("metadata")).get("annotations"))):
        yield loss(f"{at_path}.metadata.{field}", meant.did, meant.why, meant.instead, meant.severity)
    yield from _uncaptured(resource, at_path, template)
    for field in proxies(template):
        yield loss(
            f"{at_path}.{field}", "it set up the injected sidecar", "without injection it would start as it stands",
            "nothing: it is taken out; its limits say what the sidecar was given", Severity.COSMETIC,
        )  # fmt: skip
    yield from _scripts(resource, at_path, as_dict(template.get("spec")))


def _uncaptured(resource: Resource[Any], at_path: str, template: Tree) -> Iterator[Loss]:
    notes = as_dict(as_dict(template.get("metadata")).get("annotations"))
    if notes.get(BYPASS_INBOUND) == "true":
        yield Loss(
            resource.id, f"{at_path}.metadata.annotations[{BYPASS_INBOUND}]", "it meant nothing beside a sidecar",
            "in ambient it keeps plaintext from ztunnel: whoever sends some passes mTLS modes and policies (D45)",
            "take it out, unless the pods need no protection", Severity.SECURITY, CODE,
        )  # fmt: skip


def _scripts(resource: Resource[Any], at_path: str, spec: Tree) -> Iterator[Loss]:
    for part in ("initContainers", "containers"):
        for number, container in enumerate(as_dicts(spec.get(part))):
            for call in proxy_calls(container) if container.get("name") != PROXY else ():
                end = "it waits there for ever" if call.loops else "it fails there"
                yield Loss(
                    resource.id, f"{at_path}.spec.{part}[{number}].{call.field} line {call.line}",
                    f"it calls its sidecar: {call.called}", f"nobody hears it without a sidecar: {end}",
                    "drop the call; until then let it fail without harm", Severity.TRAFFIC, CODE,
                )  # fmt: skip


RULE = Rule(
    CODE,
    "pod-template",
    "Pod templates leave their sidecar",
    ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Rollout"),
    _rewrite,
)
