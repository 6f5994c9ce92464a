"""CUSTOM policies: rules that mark a request, and an external authorizer that is asked about those marked.

Source: pilot/pkg/security/authz/builder/extauthz.go, istio-semantics.md §3.2. An authorizer that the mesh configuration
does not name, or several where one is allowed, refuse what matches.
"""

from collections.abc import Iterable, Mapping, Sequence

from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.config.rbac.v3 import rbac_pb2
from envoy.extensions.filters.http.ext_authz.v3.ext_authz_pb2 import (
    AuthorizationRequest,
    AuthorizationResponse,
    BufferSettings,
    CheckSettings,
    ExtAuthz,
    ExtAuthzPerRoute,
    HttpService,
)
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC, RBACPerRoute
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import ListStringMatcher, StringMatcher
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from sidestep.controlplane.generators.http.authorization import Place, rbac
from sidestep.controlplane.generators.http.durations import readable
from sidestep.controlplane.generators.http.upstreams import ClusterFor, of_authorizer
from sidestep.controlplane.generators.node.messages import packed
from sidestep.semantics.authorization.evaluate import Compiled
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.extension_providers import Authorizer, Speech

RBAC_METADATA = "envoy.filters.http.rbac"
_ANY = ".+"
_LONGEST = Duration(seconds=600)


def marking(name: str) -> str:
    """The filter that marks requests about which an authorizer is asked."""
    return f"mesh.custom.{name}"


def asking(name: str) -> str:
    """The filter that asks it."""
    return f"mesh.ext_authz.{name}"


def authorizer_filters(authorizers: Iterable[Authorizer], cluster: ClusterFor) -> list[HttpFilter]:
    """For each authorizer a filter that marks, and one that asks."""
    found = []
    for each in sorted(authorizers, key=lambda authorizer: authorizer.name):
        for name, message in ((marking(each.name), RBAC()), (asking(each.name), _asked(each, cluster))):
            found.append(HttpFilter(name=name, typed_config=packed(message), disabled=True))
    return found


def asked(
    custom: Sequence[Compiled], place: Place, authorizers: Mapping[str, Authorizer], *, several: bool
) -> dict[str, Message]:
    """What a host switches on, by filter."""
    found: dict[str, Message] = {}
    for name, compiled in by_provider(custom).items():
        if name in authorizers and may_ask(custom, several=several):
            marks = RBAC(shadow_rules=rbac(compiled, Action.DENY, place), shadow_rules_stat_prefix=prefix(name))
            found[marking(name)] = RBACPerRoute(rbac=marks)
            found[asking(name)] = ExtAuthzPerRoute(check_settings=CheckSettings())
    return found


def refused(
    custom: Sequence[Compiled], place: Place, authorizers: Mapping[str, Authorizer], *, several: bool
) -> rbac_pb2.RBAC:
    """Rules of CUSTOM policies whose authorizer cannot be asked: what they match is refused."""
    lost = [each for each in custom if each.policy.provider not in authorizers or not may_ask(custom, several=several)]
    return rbac(lost, Action.DENY, place)


def may_ask(custom: Sequence[Compiled], *, several: bool) -> bool:
    """Whether authorizers may be asked: where policies name several, that must have been allowed."""
    return several or len(by_provider(custom)) == 1


def by_provider(custom: Sequence[Compiled]) -> dict[str, list[Compiled]]:
    """Policies by the authorizer that they name."""
    found: dict[str, list[Compiled]] = {}
    for each in custom:
        found.setdefault(each.policy.provider, []).append(each)
    return found


def prefix(name: str) -> str:
    """What the metadata begins with by which requests are marked."""
    return f"istio_ext_authz_{name}_"


def marked(name: str, by: str) -> MetadataMatcher:
    """What is marked for an authorizer, by a filter of a kind."""
    return MetadataMatcher(
        filter=by,
        path=[{"key": f"{prefix(name)}shadow_effective_policy_id"}],
        value={"string_match": StringMatcher(safe_regex=RegexMatcher(regex=_ANY))},
    )


def called(authorizer: Authorizer, cluster: ClusterFor) -> GrpcService:
    """By which one that speaks gRPC is asked."""
    name, timeout = cluster(of_authorizer(authorizer)), readable(authorizer.timeout) or _LONGEST
    return GrpcService(envoy_grpc={"cluster_name": name, "authority": authorizer.host}, timeout=timeout)


def _asked(authorizer: Authorizer, cluster: ClusterFor) -> ExtAuthz:
    found = ExtAuthz(
        failure_mode_allow=authorizer.fail_open,
        filter_enabled_metadata=marked(authorizer.name, RBAC_METADATA),
        transport_api_version="V3",
        stat_prefix=authorizer.name,
        clear_route_cache=authorizer.reroute,
    )
    if authorizer.status_on_error:
        found.status_on_error.code = authorizer.status_on_error
    if authorizer.body is not None:
        body = authorizer.body
        found.with_request_body.CopyFrom(
            BufferSettings(max_request_bytes=body.limit, allow_partial_message=body.partial, pack_as_bytes=body.raw)
        )
    if authorizer.speech is Speech.GRPC:
        found.grpc_service.CopyFrom(called(authorizer, cluster))
    else:
        name, timeout = cluster(of_authorizer(authorizer)), readable(authorizer.timeout) or _LONGEST
        found.http_service.CopyFrom(_http(authorizer, name, timeout))
        if authorizer.headers:
            found.allowed_headers.CopyFrom(_names(authorizer.headers))
    return found


def _http(authorizer: Authorizer, cluster: str, timeout: Duration) -> HttpService:
    added = [{"key": key, "value": value} for key, value in authorizer.added]
    told = AuthorizationResponse(
        allowed_upstream_headers=_names(authorizer.to_upstream),
        allowed_client_headers=_names(authorizer.on_deny),
        allowed_client_headers_on_success=_names(authorizer.on_allow),
    )
    return HttpService(
        server_uri={"uri": f"http://{authorizer.host}", "cluster": cluster, "timeout": timeout},
        path_prefix=authorizer.path_prefix,
        authorization_request=AuthorizationRequest(headers_to_add=added),
        authorization_response=told,
    )


def _names(written: Iterable[str]) -> ListStringMatcher | None:
    found = [_name(each) for each in written]
    return ListStringMatcher(patterns=found) if found else None


def _name(written: str) -> StringMatcher:
    """Names of headers: exact, `prefix*` or `*suffix`, in any case."""
    if written == "*":
        return StringMatcher(safe_regex=RegexMatcher(regex=_ANY))
    if written.startswith("*"):
        return StringMatcher(suffix=written[1:], ignore_case=True)
    if written.endswith("*"):
        return StringMatcher(prefix=written[:-1], ignore_case=True)
    return StringMatcher(exact=written, ignore_case=True)
