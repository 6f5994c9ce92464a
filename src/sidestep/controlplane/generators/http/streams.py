"""Policies on connections whose bytes nobody reads, as Envoy's network filters enforce them.

Source: istio-semantics.md §3.4; what of a policy counts without HTTP is said by `semantics.authorization.reduce`. An
authorizer that speaks HTTP is not asked about bytes; where one by gRPC would have to be, or none is known, what the
policy matches is refused.
"""

from collections.abc import Iterator, Mapping

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.rbac.v3 import rbac_pb2
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC

from sidestep.controlplane.generators.http.authorization import Place, rbac
from sidestep.controlplane.generators.node.messages import packed
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.extension_providers import Authorizer, Speech

_NAME = "envoy.filters.network.rbac"


def judged(policies: PolicySet, place: Place, authorizers: Mapping[str, Authorizer]) -> Iterator[Filter]:
    """CUSTOM that cannot be asked, DENY, then ALLOW."""
    asked = [each for each in policies.custom if not _speaks_http(authorizers, each.policy.provider)]
    for compiled, action in ((asked, Action.DENY), (policies.deny, Action.DENY), (policies.allow, Action.ALLOW)):
        if compiled:
            yield _filter(rbac(compiled, action, place))


def _speaks_http(authorizers: Mapping[str, Authorizer], name: str) -> bool:
    return name in authorizers and authorizers[name].speech is Speech.HTTP


def _filter(rules: rbac_pb2.RBAC) -> Filter:
    return Filter(name=_NAME, typed_config=packed(RBAC(rules=rules, stat_prefix="tcp.")))
