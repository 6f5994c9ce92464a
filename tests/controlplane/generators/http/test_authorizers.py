"""Everything that the mesh configuration says of an authorizer is told to Envoy."""

from envoy.extensions.filters.http.ext_authz.v3.ext_authz_pb2 import ExtAuthz

from sidestep.controlplane.generators.http.authorizers import asking, authorizer_filters
from sidestep.semantics.extension_providers import authorizers

_COMMON = {
    "service": "ns/checks.ns.svc.cluster.local",
    "port": 9000,
    "timeout": "2s",
    "failOpen": True,
    "statusOnError": "503",
    "clearRouteCache": True,
    "includeRequestBodyInCheck": {"maxRequestBytes": 10, "allowPartialMessage": True, "packAsBytes": True},
}
_HTTP = {
    "pathPrefix": "/check",
    "includeRequestHeadersInCheck": ["x-user", "x-org-*"],
    "includeAdditionalHeadersInCheck": {"x-more": "1"},
    "headersToUpstreamOnAllow": ["x-name"],
    "headersToDownstreamOnDeny": ["x-why"],
    "headersToDownstreamOnAllow": ["x-seen"],
}


def told(field, **values):
    known = authorizers({"extensionProviders": [{"name": "a", field: values}]})
    found = authorizer_filters(known.values(), lambda upstream: f"to {upstream.host}:{upstream.port}")
    (made,) = [each for each in found if each.name == asking("a")]
    message = ExtAuthz()
    assert made.typed_config.Unpack(message)
    return message


def names(patterns):
    return [each.exact or f"{each.prefix}*" for each in patterns]


def test_whichever_way_it_is_asked():
    for message in (told("envoyExtAuthzGrpc", **_COMMON), told("envoyExtAuthzHttp", **_COMMON, **_HTTP)):
        body = message.with_request_body
        assert (body.max_request_bytes, body.allow_partial_message, body.pack_as_bytes) == (10, True, True)
        assert (message.failure_mode_allow, message.status_on_error.code, message.clear_route_cache) == (
            True,
            503,
            True,
        )


def test_by_grpc():
    service = told("envoyExtAuthzGrpc", **_COMMON).grpc_service
    assert service.envoy_grpc.cluster_name == "to checks.ns.svc.cluster.local:9000"
    assert service.timeout.seconds == 2


def test_headers_of_one_that_speaks_http():
    message = told("envoyExtAuthzHttp", **_COMMON, **_HTTP)
    service, response = message.http_service, message.http_service.authorization_response
    assert (service.path_prefix, service.server_uri.timeout.seconds) == ("/check", 2)
    assert names(message.allowed_headers.patterns) == ["x-user", "x-org-*"]
    assert [(each.key, each.value) for each in service.authorization_request.headers_to_add] == [("x-more", "1")]
    assert names(response.allowed_upstream_headers.patterns) == ["x-name"]
    assert names(response.allowed_client_headers.patterns) == ["x-why"]
    assert names(response.allowed_client_headers_on_success.patterns) == ["x-seen"]
