"""All rewrites over a whole mesh: every object that one takes, in a fixed order, and what becomes of each in the end.

A later rewrite sees what an earlier one made of the same object. What holds at once and what holds only late are kept
apart: an early change is in the late state too, a late one never in the early state.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.convert.catalogue import RULES
from sidestep.convert.ledger import Ledger
from sidestep.convert.rewrite import Change, Context, Loss, Rewritten, Rule, Severity
from sidestep.convert.rules import network_policy, query
from sidestep.model.build import known_kind
from sidestep.model.kinds import KINDS
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.semantics.trees import MalformedError

UNREAD = "SID300"
"""Code of losses that no rewrite says: an object that none of them could read."""
_SECURITY = "security.istio.io"
_BESIDE = ((network_policy.RULE, network_policy.unread_policies), (query.RULE, query.unread_queries))
"""Of kinds that a rewrite does not take, what is about the same."""
_NAMES = frozenset(kind.name for kind in KINDS)


class Conversion(Struct, frozen=True):
    """A whole mesh, rewritten.

    Attributes:
        changes: by object, the early one of an object before its late one.
        losses: the worst first.
    """

    changes: tuple[Change, ...] = ()
    losses: tuple[Loss, ...] = ()


def convert(context: Context, rules: Iterable[Rule] = RULES) -> Conversion:
    """What rewrites make of a mesh; nothing where they were applied already."""
    mesh, chosen = context.index.mesh.in_order, tuple(rules)
    ledger = Ledger(mesh)
    losses: dict[Loss, None] = dict.fromkeys(_unread(mesh, chosen))
    for rule in chosen:
        for resource in _taken(mesh, rule):
            given = _rewritten(rule, ledger, resource, context)
            for change in given.changes:
                ledger.enter(change, resource)
            losses |= dict.fromkeys(given.losses)
    for rule, unread in _BESIDE:
        losses |= dict.fromkeys(unread(context) if rule in chosen else ())
    return Conversion(tuple(ledger.changes()), worst_first((*losses, *ledger.contested)))


def worst_first(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """By what their absence may do, then by object."""
    ranks = {severity: rank for rank, severity in enumerate(Severity)}
    return tuple(sorted(losses, key=lambda loss: (ranks[loss.severity], loss)))


def _taken(mesh: Mesh, rule: Rule) -> Iterator[Resource[Any]]:
    """Objects of the kinds that a rewrite takes, with a name and a body; those of wrong types are losses instead."""
    for resource in (*(each for group in mesh.resources.values() for each in group), *mesh.others):
        if _is_for(resource, rule.kinds) and resource.body and resource.meta.name and not _is_malformed(resource):
            yield resource


def _rewritten(rule: Rule, ledger: Ledger, resource: Resource[Any], context: Context) -> Rewritten:
    """What one rewrite makes of what those before it left of an object."""
    try:
        now = ledger.now(resource)
        return Rewritten() if now is None else rule.rewrite(now, context)
    except (MalformedError, msgspec.MsgspecError) as error:
        return Rewritten((), (_left(resource, f"it could not be read: {error}", rule.code),))


def _is_for(resource: Resource[Any], kinds: Collection[str]) -> bool:
    """Whether rewrites of these kinds are about it; others name kinds of their own like Istio's and Kubernetes'."""
    is_namesake = resource.kind in _NAMES and known_kind(resource.api_version, resource.kind) is None
    return resource.kind in kinds and not is_namesake


def _is_malformed(resource: Resource[Any]) -> bool:
    return resource.view is None and known_kind(resource.api_version, resource.kind) is not None


def _unread(mesh: Mesh, rules: Iterable[Rule]) -> Iterator[Loss]:
    """Objects that a rewrite would have taken, had they been readable."""
    kinds = {kind for rule in rules for kind in rule.kinds}
    for resource in (*mesh.others, *(each for group in mesh.resources.values() for each in group)):
        if _is_for(resource, kinds) and _is_malformed(resource):
            yield _left(resource, "a field has another type than the API's", UNREAD)
        elif _is_for(resource, kinds) and resource.body and not resource.meta.name:
            yield _left(resource, "the API server gives it its name", UNREAD)


def _left(resource: Resource[Any], why: str, code: str) -> Loss:
    severity = Severity.SECURITY if resource.api_version.startswith(_SECURITY) else Severity.TRAFFIC
    return Loss(resource.id, "", "it is left as it is", why, "correct it, and convert again", severity, code)
