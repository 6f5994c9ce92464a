"""Tokens of requests in a lab: signed by an issuer of its own, whose keys stand for those of all issuers there.

Nobody has the keys of a mesh's real issuers, and a lab leads to none of them. So each RequestAuthentication trusts one
issuer more than it says, under every name that it knows; what tokens claim decides as it does in the mesh.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import structs

from sidestep.actions.memory import apply
from sidestep.lab.cluster.objects import Tree
from sidestep.lab.workload.issuer import Issuer
from sidestep.model.kinds import REQUEST_AUTHENTICATION
from sidestep.model.mesh import Mesh
from sidestep.plan.document import Plan
from sidestep.plan.steps import Apply, Delete, Effect, Patch, Step
from sidestep.rehearse.question import Question
from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.loose import as_dict, as_dicts

_LONG, _PAST = 24 * 3600, -3600
"""Seconds: longer than any rehearsal, and over for long."""


class Signed:
    """What a rehearsal is made of, with tokens and keys of one issuer.

    Args:
        issuer: in place of all.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._keys = msgspec.json.encode(issuer.jwks()).decode()

    def objects(self, objects: Iterable[Tree]) -> tuple[Tree, ...]:
        """The same, which trust the issuer."""
        return tuple(self._tree(tree) for tree in objects)

    def mesh(self, mesh: Mesh) -> Mesh:
        """The same, which trusts the issuer."""
        found = mesh.of(REQUEST_AUTHENTICATION)
        effects = (Apply(each.id, self._tree(each.tree()), each.tree()) for each in found)
        steps = tuple(Step(f"w000-{at:04}", 0, effect, "keys") for at, effect in enumerate(effects))
        return apply(Plan("", "", "", "", steps=steps), mesh) if steps else mesh

    def plan(self, plan: Plan) -> Plan:
        """The same, whose objects trust the issuer."""
        return structs.replace(
            plan, steps=tuple(structs.replace(step, effect=self._effect(step.effect)) for step in plan.steps)
        )

    def questions(self, questions: Iterable[Question]) -> tuple[Question, ...]:
        """The same, with the tokens that they carry."""
        return tuple(structs.replace(each, bearer=self._bearer(each)) for each in questions)

    def _effect(self, effect: Effect) -> Effect:
        match effect:
            case Apply(manifest=manifest, before=before):
                was = self._tree(before) if before is not None else None
                return structs.replace(effect, manifest=self._tree(manifest), before=was)
            case Patch(patch=patch, before=before):
                return structs.replace(effect, patch=self._tree(patch), before=self._tree(before))
            case Delete(before=before):
                return structs.replace(effect, before=self._tree(before))
            case _:
                return effect

    def _tree(self, tree: Tree) -> Tree:
        spec = as_dict(tree.get("spec"))
        if "jwtRules" not in spec:
            return tree
        rules = [self._rule(rule) for rule in as_dicts(spec["jwtRules"])]
        return {**tree, "spec": {**spec, "jwtRules": rules}}

    def _rule(self, rule: dict[str, Any]) -> dict[str, Any]:
        return {**{name: value for name, value in rule.items() if name != "jwksUri"}, "jwks": self._keys}

    def _bearer(self, question: Question) -> str:
        carried = question.carried
        if carried.state is TokenState.NONE:
            return ""
        text = self._issuer.token(carried.token.claims, _PAST if carried.state is TokenState.EXPIRED else _LONG)
        return f"{text.rpartition('.')[0]}.AAAA" if carried.state is TokenState.INVALID else text
