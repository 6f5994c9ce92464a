"""All rewrites, by code."""

from sidestep.convert.rewrite import Rule
from sidestep.convert.rules import (
    authorization_policy,
    destination_rule,
    envoy_filter,
    extension,
    namespace_labels,
    network_policy,
    peer_authentication,
    pod_template,
    pods_behind_waypoint,
    query,
    request_authentication,
    sidecar_scope,
    subset_services,
    telemetry,
    virtual_service_http,
    virtual_service_moved,
    virtual_service_streams,
    visibility,
)

RULES: tuple[Rule, ...] = (
    authorization_policy.RULE,
    pods_behind_waypoint.RULE,
    request_authentication.RULE,
    peer_authentication.RULE,
    telemetry.RULE,
    extension.RULE,
    envoy_filter.RULE,
    pod_template.RULE,
    namespace_labels.RULE,
    network_policy.RULE,
    sidecar_scope.RULE,
    query.RULE,
    virtual_service_http.RULE,
    virtual_service_streams.RULE,
    virtual_service_moved.RULE,
    subset_services.RULE,
    destination_rule.RULE,
    visibility.RULE,
)
BY_CODE: dict[str, Rule] = {rule.code: rule for rule in RULES}
