"""Mutual TLS as ztunnel speaks it: TLS 1.3, HTTP/2, identities of SPIFFE checked on both sides (ztunnel.md §4.4, §5.1).

Sessions are never resumed, on neither side: a session belongs to the identity that opened it, and all workloads of a
node share what a cache would be kept in.
"""

from collections.abc import Iterable, Sequence

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext, UpstreamTlsContext

from sidestep.controlplane.generators import DOMAIN_ROOTS, ROOTS, secret_name
from sidestep.controlplane.generators.node.messages import ADS, packed, untyped

IN, OUT = "in", "out"
"""Purposes of secrets; one name for two purposes makes Envoy wait for ever."""
CERTIFICATE_STATE = "envoy.tls.certificate_mappers.on_demand_secret"
"""Filter state that names the client's certificate."""

SOCKET = "envoy.transport_sockets.tls"
_PARAMETERS = {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"}
_SELECTOR = "envoy.extensions.transport_sockets.tls.cert_selectors.on_demand_secret.v3.Config"
_MAPPER = "envoy.extensions.transport_sockets.tls.cert_mappers.filter_state_override.v3.Config"


def server(identity: str, trust_domains: Sequence[str]) -> TransportSocket:
    """For who is dialled: shows its own certificate, and asks for one of a trust domain that it knows."""
    domains = list(dict.fromkeys(trust_domains))
    context = DownstreamTlsContext(
        require_client_certificate={"value": True},
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
        common_tls_context={
            "alpn_protocols": ["h2"],
            "tls_params": _PARAMETERS,
            "tls_certificate_sds_secret_configs": [{"name": secret_name(IN, identity), "sds_config": ADS}],
            "combined_validation_context": validation(
                ({"prefix": f"spiffe://{each}/"} for each in domains),
                DOMAIN_ROOTS if len(domains) > 1 else roots_of(domains[0]),
            ),
        },
    )
    return TransportSocket(name=SOCKET, typed_config=packed(context))


def client(identities: Sequence[str]) -> TransportSocket:
    """For who dials: shows the certificate that the connection's filter state names, and accepts only these peers."""
    source = {"ads": {}, "resource_api_version": "V3"}
    mapper = {"name": "filter_state", "typed_config": {"@type": f"type.googleapis.com/{_MAPPER}", "default_value": "-"}}
    selector = untyped(_SELECTOR, {"config_source": source, "certificate_mapper": mapper})
    context = UpstreamTlsContext(
        max_session_keys={"value": 0},
        common_tls_context={
            "alpn_protocols": ["h2"],
            "tls_params": _PARAMETERS,
            "custom_tls_certificate_selector": {"name": "on_demand_secret", "typed_config": selector},
            "combined_validation_context": validation(
                ({"exact": each} for each in identities), roots_of(*dict.fromkeys(map(domain_of, identities)))
            ),
        },
    )
    return TransportSocket(name=SOCKET, typed_config=packed(context))


def domain_of(identity: str) -> str:
    """The trust domain of an identity."""
    return identity.removeprefix("spiffe://").partition("/")[0]


def roots_of(*domains: str) -> str:
    """The roots of one trust domain, or all."""
    return f"{ROOTS}@{domains[0]}" if len(domains) == 1 else ROOTS


def validation(names: Iterable[dict[str, str]], roots: str) -> dict[str, object]:
    """Whom to believe: these names, vouched for by these roots."""
    return {
        "default_validation_context": {
            "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": name} for name in names]
        },
        "validation_context_sds_secret_config": {"name": roots, "sds_config": ADS},
    }
