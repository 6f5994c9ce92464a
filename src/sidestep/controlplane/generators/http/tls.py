"""TLS of connections to endpoints: mutual TLS of the mesh, tunnels, and TLS that a DestinationRule starts.

Source: pilot/pkg/networking/core/cluster_tls.go; istio-semantics.md §5.3. What an endpoint takes is told by its
metadata (`endpoints`), so that one cluster reaches sidecars, ambient pods and pods without a mesh.
"""

from collections.abc import Iterable, Sequence

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.transport_sockets.internal_upstream.v3.internal_upstream_pb2 import InternalUpstreamTransport
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext, UpstreamTlsContext

from sidestep.controlplane.generators import CREDENTIALS, DOMAIN_ROOTS, secret_name
from sidestep.controlplane.generators.http.destinations import Destination, Dialler, Speaks
from sidestep.controlplane.generators.http.names import MARK_BYTES, MARK_HTTP
from sidestep.controlplane.generators.http.remarks import Fields
from sidestep.controlplane.generators.node.messages import ADS, packed
from sidestep.controlplane.generators.node.tls import IN, OUT, SOCKET, domain_of, roots_of, validation

TLS_MODE, ISTIO = "tlsMode", "istio"
TUNNEL, HTTP = "tunnel", "http"
"""Metadata by which an endpoint says what it takes."""
ORIGINAL_DST = "envoy.filters.listener.original_dst"
METADATA = "mesh"
"""Namespace of metadata that tells a tunnel's name and other end."""
AUTHORITY = "-cacert"
"""Names of the authorities that Secrets name end so."""

_VERSIONS = {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}
_RAW = TransportSocket(name="envoy.transport_sockets.raw_buffer", typed_config=packed(RawBuffer()))
_MARKED = {
    Speaks.BYTES: (MARK_BYTES,),
    Speaks.HTTP1: (MARK_HTTP, "http/1.1"),
    Speaks.HTTP2: (MARK_HTTP, "h2"),
    Speaks.AS_CLIENT: (MARK_HTTP, "http/1.1"),
}
_OUTSIDE = {Speaks.HTTP2: ("h2",), Speaks.HTTP1: ("http/1.1",)}
_ORIGINATED = ("SIMPLE", "MUTUAL")
_MODES = ("DISABLE", *_ORIGINATED, "ISTIO_MUTUAL")
_UPGRADED = "UPGRADE"


def sockets(found: Cluster, to: Destination, dialler: Dialler, settings: Fields) -> None:
    """How each kind of endpoint is reached."""
    tls = settings.under("tls")
    mode = tls.text("mode").upper() or ("DISABLE" if settings.has("tls") else "")
    if mode not in ("", *_MODES):
        tls.refuse("mode", f"expected one of {', '.join(_MODES)}, found {mode!r}")
        mode = ""
    plain = originated(to, tls, mode, dialler) if mode in _ORIGINATED else _RAW
    if dialler.tunnels:
        _when(found, TUNNEL, HTTP, tunnelled(plain))
    if not dialler.mutual or mode in ("DISABLE", *_ORIGINATED):
        found.transport_socket.CopyFrom(plain)
        return
    own = mutual(to, dialler, tls, settings)
    if mode == "ISTIO_MUTUAL" or to.mutual:
        found.transport_socket.CopyFrom(own)
        return
    _when(found, TLS_MODE, ISTIO, own)
    found.transport_socket.CopyFrom(_RAW)


def mutual(to: Destination, dialler: Dialler, tls: Fields, settings: Fields) -> TransportSocket:
    """Mutual TLS of the mesh: own certificate, and the server must prove to be one of the service's."""
    names = tls.texts("subjectAltNames") or to.identities
    domain = domain_of(dialler.identity)
    wanted: Iterable[dict[str, str]] = ({"exact": each} for each in names)
    domains = [domain_of(each) for each in names]
    if not names:
        domains = [domain, *dialler.trust_domains]
        wanted = ({"prefix": f"spiffe://{each}/"} for each in domains)
    http = settings.under("connectionPool").under("http")
    upgraded = to.speaks is Speaks.HTTP1 and http.text("h2UpgradePolicy").upper() == _UPGRADED
    offered = _MARKED[Speaks.HTTP2 if upgraded else to.speaks]
    context = UpstreamTlsContext(
        sni=tls.text("sni") or server_name(to.name),
        common_tls_context={
            "alpn_protocols": offered,
            "tls_params": _VERSIONS,
            "tls_certificate_sds_secret_configs": [{"name": secret_name(OUT, dialler.identity), "sds_config": ADS}],
            "combined_validation_context": validation(wanted, roots_of(*dict.fromkeys(domains))),
        },
    )
    return TransportSocket(name=SOCKET, typed_config=packed(context))


def server_name(cluster: str) -> str:
    """The server name by which Istio calls a cluster, e.g. `outbound_.80_.v1_.reviews.shop.svc.cluster.local`."""
    direction, port, subset, host = cluster.split("|", 3)
    return f"{direction}_.{port}_.{subset}_.{host}"


def originated(to: Destination, tls: Fields, mode: str, dialler: Dialler) -> TransportSocket:
    """TLS that a DestinationRule starts; files of the pod's own are not there, Secrets are."""
    del mode
    context = UpstreamTlsContext(sni=tls.text("sni") or to.host.lstrip("*."))
    common = context.common_tls_context
    common.tls_params.MergeFrom(type(common.tls_params)(**_VERSIONS))
    common.alpn_protocols.extend(_OUTSIDE.get(to.speaks, ()))
    for name in ("clientCertificate", "privateKey", "caCertificates", "caCrl"):
        if tls.text(name) not in ("", "system"):
            tls.refuse(name, "files of a proxy's container are not there in a lab; use credentialName")
    if credential := tls.text("credentialName"):
        tls.refuse("credentialName", f"Secret {credential} is not read for clients; the server is not verified")
    if dialler.system_roots and not tls.flag("insecureSkipVerify"):
        context.auto_host_sni = False
        names = [{"exact": each} for each in tls.texts("subjectAltNames")] or [{"exact": context.sni}]
        checked = common.validation_context
        checked.trusted_ca.filename = dialler.system_roots
        for each in names:
            checked.match_typed_subject_alt_names.add(san_type="DNS", matcher=each)
    return TransportSocket(name=SOCKET, typed_config=packed(context))


def tunnelled(inner: TransportSocket) -> TransportSocket:
    """To the listener inside of the proxy that makes a tunnel of it, told by the endpoint's metadata where to."""
    passing = InternalUpstreamTransport(
        passthrough_metadata=[{"kind": {"host": {}}, "name": name} for name in (ORIGINAL_DST, METADATA)],
        transport_socket=inner,
    )
    return TransportSocket(name="envoy.transport_sockets.internal_upstream", typed_config=packed(passing))


def _when(found: Cluster, key: str, value: str, socket: TransportSocket) -> None:
    found.transport_socket_matches.add(name=f"{key}={value}", match={key: value}, transport_socket=socket)


def shown(identity: str) -> Sequence[dict[str, object]]:
    """A proxy's own certificate, as TLS clients are configured with it."""
    return [{"name": secret_name(OUT, identity), "sds_config": ADS}]


def tunnel_client(dialler: Dialler, domains: Sequence[str] = ()) -> TransportSocket:
    """Who opens tunnels: whom it reaches must be of a trust domain, and whom the connection's state names."""
    accepted = list(dict.fromkeys(domains or (domain_of(dialler.identity), *dialler.trust_domains)))
    context = UpstreamTlsContext(
        common_tls_context={
            "alpn_protocols": ["h2"],
            "tls_params": {**_VERSIONS, "tls_minimum_protocol_version": "TLSv1_3"},
            "tls_certificate_sds_secret_configs": shown(dialler.identity),
            "combined_validation_context": validation(
                ({"prefix": f"spiffe://{each}/"} for each in accepted), roots_of(*accepted)
            ),
        },
    )
    return TransportSocket(name=SOCKET, typed_config=packed(context))


def mutual_server(own: Dialler) -> TransportSocket:
    """For who is dialled by members of the mesh: shows its certificate, and asks for one of a trust domain it knows."""
    domains = list(dict.fromkeys((domain_of(own.identity), *own.trust_domains)))
    context = DownstreamTlsContext(
        require_client_certificate={"value": True},
        common_tls_context={
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": _VERSIONS,
            "tls_certificate_sds_secret_configs": [{"name": secret_name(IN, own.identity), "sds_config": ADS}],
            "combined_validation_context": validation(
                ({"prefix": f"spiffe://{each}/"} for each in domains),
                DOMAIN_ROOTS if len(domains) > 1 else roots_of(domains[0]),
            ),
        },
    )
    return TransportSocket(name=SOCKET, typed_config=packed(context))


def credential_name(secret: str) -> str:
    """Name under which a proxy asks for a Secret (`namespace/name`)."""
    return f"{CREDENTIALS}{secret}"


def credential_server(names: Sequence[str], *, mutual: bool) -> TransportSocket:
    """For who is dialled from outside of the mesh: shows what Secrets hold.

    Args:
        names: `credential_name` of each.
        mutual: clients must show a certificate that the first one's authority vouches for.
    """
    context = DownstreamTlsContext(
        common_tls_context={
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": _VERSIONS,
            "tls_certificate_sds_secret_configs": [{"name": name, "sds_config": ADS} for name in names],
        },
    )
    if mutual:
        context.require_client_certificate.value = True
        roots = context.common_tls_context.validation_context_sds_secret_config
        roots.name = names[0] + AUTHORITY
        roots.sds_config.CopyFrom(ADS)
    return TransportSocket(name=SOCKET, typed_config=packed(context))
