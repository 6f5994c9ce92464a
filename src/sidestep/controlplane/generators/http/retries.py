"""Retries as Envoy's, from the words of `semantics.routing.retry_policy`.

Source: pilot/pkg/networking/core/route/retry/retry.go: of a client's attempts the next goes to another host, unless
hashing chooses hosts.
"""

from envoy.config.route.v3.route_components_pb2 import RetryPolicy
from envoy.extensions.retry.host.previous_hosts.v3.previous_hosts_pb2 import PreviousHostsPredicate
from envoy.extensions.retry.priority.previous_priorities.v3.previous_priorities_config_pb2 import (
    PreviousPrioritiesConfig,
)

from sidestep.controlplane.generators.http.durations import readable
from sidestep.controlplane.generators.node.messages import packed
from sidestep.semantics.routing.retry_policy import INBOUND
from sidestep.semantics.routing.route import Retries

_TRIES_FOR_ANOTHER = 5
_OTHERS = "envoy.retry_host_predicates.previous_hosts"
_FARTHER = "envoy.retry_priorities.previous_priorities"
_AFTER = 2


def retry_policy(wanted: Retries, *, hashed: bool = False) -> RetryPolicy:
    """How often what is tried again; where there is anything to try again.

    Args:
        wanted: as routes ask for it.
        hashed: hosts are chosen by hashing.
    """
    conditions, *details = wanted.on.split(";")
    told = dict(each.split("=", 1) for each in details)
    parts = conditions.split(",")
    found = RetryPolicy(
        retry_on=",".join(each for each in parts if not each.isdecimal()),
        num_retries={"value": wanted.attempts},
        retriable_status_codes=[int(each) for each in parts if each.isdecimal()],
    )
    if wanted.on != INBOUND.on:
        _elsewhere(found, told, hashed=hashed)
    per_try, pause = readable(wanted.per_try), readable(told.get("backoff", ""))
    if per_try is not None:
        found.per_try_timeout.CopyFrom(per_try)
    if pause is not None:
        found.retry_back_off.base_interval.CopyFrom(pause)
    return found


def _elsewhere(found: RetryPolicy, told: dict[str, str], *, hashed: bool) -> None:
    found.host_selection_retry_max_attempts = _TRIES_FOR_ANOTHER
    others = told.get("retryignoreprevioushosts", str(not hashed).lower())
    if others == "true":
        found.retry_host_predicate.add(name=_OTHERS, typed_config=packed(PreviousHostsPredicate()))
    if told.get("retryremotelocalities") == "true":
        farther = PreviousPrioritiesConfig(update_frequency=_AFTER)
        found.retry_priority.name = _FARTHER
        found.retry_priority.typed_config.CopyFrom(packed(farther))
