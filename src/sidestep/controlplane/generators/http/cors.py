"""What browsers are told of other origins, as Envoy's filter tells them.

Source: pilot/pkg/networking/core/route/route.go (TranslateCORSPolicy).
"""

from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy
from envoy.type.v3.percent_pb2 import FractionalPercent

from sidestep.controlplane.generators.http.durations import readable
from sidestep.controlplane.generators.http.matches import string
from sidestep.semantics.routing.cors import Cors

_ALWAYS = FractionalPercent(numerator=100)


def cors_policy(cors: Cors) -> CorsPolicy:
    """A route's policy."""
    found = CorsPolicy(
        allow_origin_string_match=map(string, cors.origins),
        allow_methods=",".join(cors.methods),
        allow_headers=",".join(cors.headers),
        expose_headers=",".join(cors.exposed),
        filter_enabled={"default_value": _ALWAYS},
        forward_not_matching_preflights={"value": cors.forwards},
    )
    age = readable(cors.max_age)
    if age is not None:
        found.max_age = str(age.seconds)
    if cors.credentials is not None:
        found.allow_credentials.value = cors.credentials
    return found
