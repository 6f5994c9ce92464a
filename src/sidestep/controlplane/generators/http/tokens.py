"""RequestAuthentications as Envoy's JWT filter enforces them.

Source: istio-semantics.md §4.2 (pilot/pkg/security/authn): one valid token is enough, none at all is fine, and where
all are invalid the request gets 401. Requests before others of CORS (preflights) are not asked.
"""

from collections.abc import Iterable

from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import (
    JwtAuthentication,
    JwtProvider,
    JwtRequirement,
    JwtRequirementAndList,
    JwtRequirementOrList,
    RemoteJwks,
)
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

from sidestep.controlplane.generators.http.durations import readable
from sidestep.controlplane.generators.http.keys import NOBODYS_KEYS, readable_keys
from sidestep.controlplane.generators.http.upstreams import ClusterFor, of_address
from sidestep.semantics.authentication.tokens import ALWAYS_LISTS, JwtRule, Keys, RequestPolicy

PAYLOAD = "payload"
"""Under which policies find what a token says."""
_FETCHING, _KEPT = Duration(seconds=5), Duration(seconds=20 * 60)


def authentication(hosts: Iterable[tuple[RequestPolicy, ...]], cluster: ClusterFor) -> JwtAuthentication:
    """What a proxy knows of tokens: the resource `JWT_FILTER` by ECDS.

    Args:
        hosts: what is enforced on each of the proxy's hosts.
        cluster: by which keys are fetched.
    """
    sets = {requirement_name(tokens): tokens for tokens in hosts if any(policy.rules for policy in tokens)}
    found = JwtAuthentication(bypass_cors_preflight=True)
    for name, tokens in sorted(sets.items()):
        found.requirement_map[name].CopyFrom(_requirement(tokens))
        for policy in tokens:
            for rule in policy.rules:
                found.providers[_provider_name(policy, rule)].CopyFrom(_provider(rule, cluster))
    return found


def requirement_name(tokens: Iterable[RequestPolicy]) -> str:
    """Under which name a set of policies is required: that of its objects, whatever they say."""
    return "+".join(f"{policy.namespace}/{policy.id.name}" for policy in tokens)


def _requirement(tokens: Iterable[RequestPolicy]) -> JwtRequirement:
    asked = [JwtRequirement(provider_name=_provider_name(policy, rule)) for policy in tokens for rule in policy.rules]
    missing = JwtRequirement(allow_missing=Empty())
    if len(asked) == 1:
        return _any([asked[0], missing])
    each = [_any([one, missing]) for one in asked]
    return _any([*asked, JwtRequirement(requires_all=JwtRequirementAndList(requirements=each))])


def _any(requirements: list[JwtRequirement]) -> JwtRequirement:
    return JwtRequirement(requires_any=JwtRequirementOrList(requirements=requirements))


def _provider_name(policy: RequestPolicy, rule: JwtRule) -> str:
    return f"{policy.namespace}/{policy.id.name}/{rule.field}"


def _provider(rule: JwtRule, cluster: ClusterFor) -> JwtProvider:
    """One issuer. A token that says something of a claim routes by it, so the route is chosen again."""
    lists = [*ALWAYS_LISTS, *(name for name in rule.lists if name not in ALWAYS_LISTS)]
    found = JwtProvider(
        issuer=rule.issuer,
        audiences=rule.audiences,
        forward=rule.forward,
        forward_payload_header=rule.payload_header,
        payload_in_metadata=PAYLOAD,
        normalize_payload_in_metadata={"space_delimited_claims": lists},
        claim_to_headers=[{"header_name": name, "claim_name": claim} for name, claim in rule.claim_headers],
        from_headers=[{"name": name, "value_prefix": prefix} for name, prefix in rule.places.headers],
        from_params=rule.places.params,
        from_cookies=rule.places.cookies,
    )
    _keys(found, rule.keys, cluster)
    return found


def _keys(provider: JwtProvider, keys: Keys, cluster: ClusterFor) -> None:
    """Keys that nobody can have refuse every token, as in Istio."""
    upstream = None if keys.inline else of_address(keys.uri)
    if upstream is None:
        provider.local_jwks.inline_string = keys.inline if readable_keys(keys.inline) else NOBODYS_KEYS
        return
    timeout = readable(keys.timeout) or _FETCHING
    remote = RemoteJwks(
        http_uri={"uri": keys.uri, "cluster": cluster(upstream), "timeout": timeout},
        cache_duration=_KEPT,
        async_fetch={"fast_listener": True},
    )
    provider.remote_jwks.CopyFrom(remote)
