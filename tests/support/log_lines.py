"""Lines of access logs: recorded ones, and ones that were made in the forms that Istio and ztunnel write.

`RECORDED` is what Envoy 1.40 wrote in the text format of Istio 1.31, each request sent so as to fail in its own way.
"""

RECORDED = {
    "refused": '[2026-11-21T07:52:53.510Z] "GET /uf HTTP/1.1" 503 UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} - "delayed_connect_error:_Connection_refused" 0 98 0 - "-" "odd "agent" x" "89b9303e-8169-464d-a444-73a8620afcec" "127.0.0.1:21001" "127.0.0.1:21999" outbound|80||refused.default.svc.cluster.local - 127.0.0.1:21001 127.0.0.1:51456 - default',
    "tls to plain text": '[2026-11-21T07:52:53.520Z] "GET /tls HTTP/1.1" 503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end} - "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end" 0 98 1 - "-" "odd "agent" x" "7ac830ed-d796-4c6e-99bc-ec237044055d" "127.0.0.1:21001" "127.0.0.1:21080" outbound|443||tls.default.svc.cluster.local - 127.0.0.1:21001 127.0.0.1:51472 - default',
    "no endpoints": '[2026-11-21T07:52:53.529Z] "GET /uh HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 19 0 - "-" "odd "agent" x" "1d6d71ae-ce79-4716-9930-73628077e9a1" "127.0.0.1:21001" "-" outbound|81|v2|empty.default.svc.cluster.local - 127.0.0.1:21001 127.0.0.1:51484 - default',
    "no cluster": '[2026-11-21T07:52:53.538Z] "GET /nc HTTP/1.1" 503 NC cluster_not_found - "-" 0 0 0 - "-" "odd "agent" x" "dc929f1e-27cb-4cf7-b8fd-85769ed5f9b5" "127.0.0.1:21001" "-" - - 127.0.0.1:21001 127.0.0.1:51496 - default',
    "answered": '[2026-11-21T07:52:53.545Z] "GET /ok HTTP/1.1" 200 - via_upstream - "-" 0 2 0 0 "-" "odd "agent" x" "592ac528-7a77-4b0f-8cdd-d282ab8fd2e9" "127.0.0.1:21001" "127.0.0.1:21080" inbound|8080|| 127.0.0.1:52442 127.0.0.1:21001 127.0.0.1:51502 - default',
    "timeout": '[2026-11-21T07:52:53.555Z] "GET /slow HTTP/1.1" 504 UT response_timeout - "-" 0 24 301 - "-" "odd "agent" x" "ee18c9ac-172e-4319-b988-f6f165115eb8" "127.0.0.1:21001" "127.0.0.1:21081" inbound|8081|| 127.0.0.1:51918 127.0.0.1:21001 127.0.0.1:51510 - default',
    "closed": '[2026-11-21T07:52:53.867Z] "GET /close HTTP/1.1" 503 UC upstream_reset_before_response_started{connection_termination} - "-" 0 95 1 - "-" "odd "agent" x" "6ea776b8-6b4e-44fe-8182-077649b3efd7" "127.0.0.1:21001" "127.0.0.1:21082" inbound|8082|| 127.0.0.1:59368 127.0.0.1:21001 127.0.0.1:51526 - default',
    "direct": '[2026-11-21T07:52:53.878Z] "GET /direct HTTP/1.1" 418 - direct_response - "-" 0 0 0 - "-" "odd "agent" x" "a111f29e-3d21-4b8f-bee0-e94b3b69de3e" "127.0.0.1:21001" "-" - - 127.0.0.1:21001 127.0.0.1:51538 - d',
    "no route": '[2026-11-21T07:52:53.888Z] "GET /none HTTP/1.1" 404 NR route_not_found - "-" 0 0 0 - "-" "odd "agent" x" "e767f4e3-763e-4ccb-bc30-251e63f132c6" "127.0.0.1:21001" "-" - - 127.0.0.1:21001 127.0.0.1:51540 - -',
    "denied by name": '[2026-11-21T07:52:53.899Z] "GET /ok HTTP/1.1" 403 - rbac_access_denied_matched_policy[ns[foo]-policy[deny-all]-rule[0]] - "-" 0 19 0 - "-" "curl/7.88.1" "f1bc02bd-f121-4565-b565-2fe8f4b78241" "127.0.0.1:21002" "-" inbound|8080|| - 127.0.0.1:21002 127.0.0.1:41328 - default',
    "denied by none": '[2026-11-21T07:52:53.910Z] "GET /ok HTTP/1.1" 403 - rbac_access_denied_matched_policy[none] - "-" 0 19 0 - "-" "curl/7.88.1" "c326fa80-cd63-4c2c-8686-e564574c7e96" "127.0.0.1:21003" "-" inbound|8080|| - 127.0.0.1:21003 127.0.0.1:34088 - default',
    "tcp denied": '[2026-11-21T07:52:53.920Z] "- - -" 0 - - rbac_access_denied_matched_policy[ns[foo]-policy[deny-tcp]-rule[2]] "-" 81 0 1 - "-" "-" "-" "-" "127.0.0.1:21080" inbound|8080|| 127.0.0.1:52450 127.0.0.1:21004 127.0.0.1:48374 - -',
    "tcp refused": '[2026-11-21T07:52:53.930Z] "- - -" 0 UF,URX - - "delayed_connect_error:_Connection_refused" 0 0 1 - "-" "-" "-" "-" "127.0.0.1:21999" outbound|80||refused.default.svc.cluster.local - 127.0.0.1:21005 127.0.0.1:59658 - -',
    "tcp no endpoints": '[2026-11-21T07:52:53.939Z] "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" outbound|81|v2|empty.default.svc.cluster.local - 127.0.0.1:21006 127.0.0.1:51290 - -',
    "tcp ended": '[2026-11-21T07:52:53.948Z] "- - -" 0 - - - "-" 81 40 1 - "-" "-" "-" "-" "127.0.0.1:21080" inbound|8080|| 127.0.0.1:52456 127.0.0.1:21007 127.0.0.1:58162 - -',
    "client left": '[2026-11-21T07:52:53.956Z] "GET /slow HTTP/1.1" 0 DC downstream_remote_disconnect - "-" 0 0 102 - "-" "curl/7.88.1" "58559936-c75e-46ad-939b-071529e9718d" "127.0.0.1:21001" "127.0.0.1:21081" inbound|8081|| 127.0.0.1:51932 127.0.0.1:21001 127.0.0.1:51546 - default',
    "not http": '[2026-11-21T07:52:54.174Z] "- - HTTP/1.1" 400 DPE http1.codec_error - "-" 0 11 0 - "-" "-" "-" "-" "-" - - 127.0.0.1:21001 127.0.0.1:51558 - -',
}
OUTBOUND = '[2025-06-02T03:23:12.736Z] "GET /get?a=b HTTP/1.1" 200 - via_upstream - "-" 0 605 4 3 "-" "curl/8.5.0" "200efb6c-82be-4760-8ab6-7b6af588d4fb" "httpbin:8000" "10.244.0.31:80" outbound|8000|v1|httpbin.shop.svc.cluster.local; 10.244.0.26:35086 10.96.71.143:8000 10.244.0.26:41616 - default'
INBOUND = '[2025-06-02T03:23:12.738Z] "GET /get?a=b HTTP/1.1" 200 - via_upstream - "-" 0 605 2 2 "-" "curl/8.5.0" "200efb6c-82be-4760-8ab6-7b6af588d4fb" "httpbin:8000" "10.244.0.31:80" inbound|80|| 127.0.0.6:52027 10.244.0.31:80 10.244.0.26:35086 outbound_.8000_.v1_.httpbin.shop.svc.cluster.local default'
GATEWAY = '[2025-06-02T06:20:43.568Z] "POST /pay HTTP/2" 200 - via_upstream - "-" 5 0 93 92 "203.0.113.7,192.0.2.3" "grpc-python/1.47.0 grpc-c/25.0.0 (osx; chttp2)" "e5b64c5b-d5db-90d5-9ac7-05d94ebe910b" "shop.example.com" "10.1.0.16:9000" outbound|80||pay.shop.svc.cluster.local 10.1.0.8:48500 10.1.0.8:8080 192.0.2.3:55808 shop.example.com pay-route'
WAYPOINT = '[2025-06-02T12:57:24.551Z] "GET /reviews/0 HTTP/1.1" 200 - via_upstream - "-" 0 442 5 5 "-" "Go-http-client/1.1" "9c1ea9ee-cb88-9434-8c40-9011dd817000" "reviews:9080" "envoy://connect_originate/10.217.0.82:9080" inbound-vip|9080|http|reviews.books.svc.cluster.local envoy://internal_client_address/ 10.217.5.70:9080 10.217.0.84:53560 - default'
TUNNEL = '[2025-06-02T20:00:10.142Z] "- - -" 0 UF,URX - - "delayed_connect_error:_Connection_refused" 0 0 0 - "-" "-" "-" "-" "10.244.0.17:15008" connect_originate - 10.244.0.17:80 envoy://internal_client_address/ - -'
STRICT = '[2025-06-02T20:00:10.142Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.244.0.17:15006 10.244.0.9:40000 - -'

_CLIENT = 'src.addr=10.244.0.9:58592 src.workload="shell-56bd5dbdbf-gz6cq" src.namespace="default" src.identity="spiffe://cluster.local/ns/default/sa/shell"'
_SERVER = 'dst.addr=10.244.0.10:15008 dst.hbone_addr=10.244.0.10:80 dst.service="echo.shop.svc.cluster.local" dst.workload="echo-66d88ff694-pnk6h" dst.namespace="shop" dst.identity="spiffe://cluster.local/ns/shop/sa/echo"'


def ztunnel(error: str = "", direction: str = "inbound", client: str = _CLIENT) -> str:
    """A line of ztunnel's, with an error or without."""
    level, tail = ("error", f' error="{error}"') if error else ("info", "")
    head = f"2025-06-02T17:18:00.953004Z\t{level}\taccess\tconnection complete\t"
    return f'{head}{client} {_SERVER} direction="{direction}" bytes_sent=7 bytes_recv=9 duration="12ms"{tail}'


EARLY = '2025-06-02T17:18:00.953004Z\twarn\taccess\tconnection failed\tsrc.addr=10.244.0.9:58592 dst.addr=[fd00::7]:15008 direction="inbound" error="tls handshake error: Custom { kind: InvalidData, error: \\"received corrupt message of type InvalidContentType\\" }"'

ENVOY_JSON = {
    "start_time": "2025-06-02T12:11:42.183Z", "protocol": "HTTP/1.1", "upstream_cluster": "inbound|9080||",
    "response_code": 200, "downstream_local_address": "10.40.0.8:9080", "upstream_local_address": "127.0.0.6:58783",
    "user_agent": "Mozilla/5.0", "response_flags": "-", "downstream_remote_address": "10.46.0.13:41250",
    "upstream_transport_failure_reason": None, "bytes_received": 0, "authority": "reviews:9080", "method": "GET",
    "connection_termination_details": None, "bytes_sent": 295, "path": "/reviews/0", "duration": 14,
    "route_name": "default", "upstream_service_time": "13", "response_code_details": "via_upstream",
    "requested_server_name": "outbound_.9080_._.reviews.books.svc.cluster.local", "x_forwarded_for": None,
    "upstream_host": "10.40.0.8:9080", "request_id": "5ee694cf-f93b-4064-a677-4e6abf8a82be",
}  # fmt: skip

ZTUNNEL_JSON = {
    "level": "error", "time": "2025-06-02T17:18:00.953004Z", "scope": "access", "message": "connection complete",
    "src.addr": "10.244.0.9:58592", "src.workload": "shell", "src.namespace": "default", "src.cluster": "east",
    "dst.addr": "10.244.0.10:80", "dst.service": "echo.shop.svc.cluster.local", "direction": "inbound",
    "bytes_sent": 0, "bytes_recv": 0, "duration": "0ms",
    "error": "connection closed due to policy rejection: explicitly denied by: istio-system/istio_converted_static_strict",
}  # fmt: skip

RBAC_DECISION = "2025-06-02T10:00:00.000000Z\tdebug\tenvoy rbac external/envoy/source/extensions/filters/http/rbac/rbac_filter.cc:233\tenforced denied, matched policy ns[foo]-policy[deny-all]-rule[1]\tthread=25"
RBAC_CHECK = """[2025-06-02 07:52:53.899][12544][debug][rbac] [source/extensions/filters/http/rbac/rbac_filter.cc:266] checking request: requestedServerName: outbound_.80_._.echo.shop.svc.cluster.local, sourceIP: 10.0.0.9:41328, directRemoteIP: 10.0.0.9:41328, remoteIP: 10.0.0.9:41328,localAddress: 10.0.0.10:8080, ssl: uriSanPeerCertificate: spiffe://cluster.local/ns/default/sa/shell, dnsSanPeerCertificate: , subjectPeerCertificate: , headers: ':authority', 'echo'
':path', '/ok'
':method', 'GET'
'x-request-id', 'f1bc02bd-f121-4565-b565-2fe8f4b78241'
, dynamicMetadata: """
