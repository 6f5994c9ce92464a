"""What policies attach to by `targetRefs`.

Source: istio-semantics.md §3.1. Such policies act at a waypoint or gateway and nowhere else: no sidecar and no ztunnel
ever sees them. A reference has no namespace of its own; it means the policy's.
"""

from sidestep.model.kinds import AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION
from sidestep.model.mesh import Mesh

ANY = "*"
Attached = dict[tuple[str, str, str], str]
"""One policy by what it attaches to: namespace, kind and name, or `ANY` name of that kind."""


def guarded(mesh: Mesh) -> Attached:
    """What AuthorizationPolicies and RequestAuthentications attach to."""
    found: Attached = {}
    for kind in (AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION):
        for policy in mesh.of(kind):
            for target, name in target_refs(policy.view.spec):
                for known_as in (name, ANY):
                    found.setdefault((policy.meta.namespace, target, known_as), str(policy.id))
    return found


def target_refs(spec: dict[str, object] | None) -> tuple[tuple[str, str], ...]:
    """Kind and name of everything that a spec attaches to, by the list or by the older single reference."""
    found = spec or {}
    listed = found.get("targetRefs")
    refs = [*(listed if isinstance(listed, list) else ()), found.get("targetRef")]
    return tuple((str(ref.get("kind", "")), str(ref.get("name", ""))) for ref in refs if isinstance(ref, dict))
