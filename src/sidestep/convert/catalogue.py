"""All rewrites, by code."""

from sidestep.convert.rewrite import Rule
from sidestep.convert.rules import authorization_policy, pods_behind_waypoint, request_authentication

RULES: tuple[Rule, ...] = (
    authorization_policy.RULE,
    pods_behind_waypoint.RULE,
    request_authentication.RULE,
)
BY_CODE: dict[str, Rule] = {rule.code: rule for rule in RULES}
