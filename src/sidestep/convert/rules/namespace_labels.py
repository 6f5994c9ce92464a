"""SID309: a namespace all of whose pods end in ambient says so, and asks for no sidecars any more.

Which namespaces, and why late: `convert/pods/relabelled.py`.
"""

from typing import Any

from sidestep.convert.objects import replaced
from sidestep.convert.pods.relabelled import ASKING, chooser, relabelled
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity
from sidestep.model.resource import Resource

CODE = "SID309"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    found = relabelled(context).get(resource.meta.name)
    if found is None:
        return Rewritten()
    before, after = found
    tree = resource.tree()
    now = {**tree, "metadata": {**(tree.get("metadata") or {}), "labels": dict(after)}}
    kept = [label for label in ASKING if label in before and label in after]
    who = chooser(context.index.mesh, resource.meta.name, before) if kept else ""
    lost = (_kept(resource, kept[0], who),) if who else ()
    return Rewritten(replaced(resource, now, CODE, late=True), lost)


def _kept(resource: Resource[Any], label: str, who: str) -> Loss:
    return Loss(
        resource.id, f"metadata.labels[{label}]", "it asks for sidecars, and goes on to do so for new workloads",
        f"{who} choose namespaces by this label, which stays for them",
        "let them choose by another label, then take this one off", Severity.TRAFFIC, CODE,
    )  # fmt: skip


RULE = Rule(CODE, "namespace-labels", "Namespaces ask for ambient, not for sidecars", ("Namespace",), _rewrite)
