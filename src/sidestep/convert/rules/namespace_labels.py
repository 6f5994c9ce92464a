"""SID309: a namespace all of whose pods end in ambient says so, and asks for no sidecars any more.

Source: istio-semantics.md §1.1, §2.1, P2: a label on a namespace captures whoever runs there at once, so that it is
late, and not given where anybody stays outside.
"""

from typing import Any

from sidestep.convert.objects import replaced
from sidestep.convert.policies.readers import is_ambient
from sidestep.convert.rewrite import Context, Rewritten, Rule
from sidestep.model.resource import Resource
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.injection import INJECT, INJECTION, REVISION
from sidestep.semantics.instances import Instances, Mode

CODE = "SID309"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    pods = context.index.by_namespace.get(resource.meta.name, ())
    if not any(is_ambient(context, each) for each in pods) or not all(_content(context, each) for each in pods):
        return Rewritten()
    tree = resource.tree()
    meta = tree.get("metadata") or {}
    gone = (INJECTION, REVISION, INJECT)
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key not in gone}
    now = {**tree, "metadata": {**meta, "labels": {**labels, DATAPLANE_MODE: "ambient"}}}
    return Rewritten(replaced(resource, now, CODE, late=True))


def _content(context: Context, pods: Instances) -> bool:
    """Whether pods end in ambient, or a label does not reach them."""
    return is_ambient(context, pods) or pods.shape.spec.host_network or pods.mode is Mode.WAYPOINT


RULE = Rule(CODE, "namespace-labels", "Namespaces ask for ambient, not for sidecars", ("Namespace",), _rewrite)
