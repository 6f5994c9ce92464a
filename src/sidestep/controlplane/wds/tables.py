"""Istio's messages, as tables of fields (ztunnel.md §2, §3.7, §3.8 and §4.1)."""

from google.protobuf import any_pb2, empty_pb2, struct_pb2, wrappers_pb2

from sidestep.controlplane.wds.descriptors import declare

_WORKLOAD = """
message Address
  1 workload Workload @type
  2 service Service @type
message Service
  1 name string
  2 namespace string
  3 hostname string
  4 addresses NetworkAddress*
  5 ports Port*
  6 subject_alt_names string*
  7 waypoint GatewayAddress
  8 load_balancing LoadBalancing
  9 ip_families IPFamilies
  10 extensions Extension*
  11 canonical bool
  12 ingress_use_waypoint bool
  13 weighted_waypoints WeightedWaypoint*
  14 visibility Service.Visibility
message Workload
  1 name string
  2 namespace string
  3 addresses bytes*
  4 network string
  5 tunnel_protocol TunnelProtocol
  6 trust_domain string
  7 service_account string
  8 waypoint GatewayAddress
  9 node string
  10 canonical_name string
  11 canonical_revision string
  12 workload_type WorkloadType
  13 workload_name string
  14 native_tunnel bool
  16 authorization_policies string*
  17 status WorkloadStatus
  18 cluster_id string
  19 network_gateway GatewayAddress
  20 uid string
  21 hostname string
  22 services string>PortList
  23 application_tunnel ApplicationTunnel
  24 locality Locality
  25 network_mode NetworkMode
  26 extensions Extension*
  27 capacity google.protobuf.UInt32Value
message Locality
  1 region string
  2 zone string
  3 subzone string
message NetworkAddress
  1 network string
  2 address bytes
  3 length uint32?
message NamespacedHostname
  1 namespace string
  2 hostname string
message GatewayAddress
  1 hostname NamespacedHostname @destination
  2 address NetworkAddress @destination
  3 hbone_mtls_port uint32
message WeightedWaypoint
  1 destination GatewayAddress
  2 weight uint32
message PortList
  1 ports Port*
message Port
  1 service_port uint32
  2 target_port uint32
  3 app_protocol AppProtocol
message ApplicationTunnel
  1 protocol ApplicationTunnel.Protocol
  2 port uint32
message Extension
  1 name string
  2 config google.protobuf.Any
message LoadBalancing
  1 routing_preference LoadBalancing.Scope*
  2 mode LoadBalancing.Mode
  3 health_policy LoadBalancing.HealthPolicy
enum TunnelProtocol NONE HBONE LEGACY_ISTIO_MTLS
enum WorkloadType DEPLOYMENT CRONJOB POD JOB
enum WorkloadStatus HEALTHY UNHEALTHY
enum NetworkMode STANDARD HOST_NETWORK
enum IPFamilies AUTOMATIC IPV4_ONLY IPV6_ONLY DUAL
enum AppProtocol UNKNOWN HTTP11 HTTP2 GRPC TCP TLS
enum Service.Visibility PUBLIC NAMESPACE
enum ApplicationTunnel.Protocol NONE PROXY
enum LoadBalancing.Scope UNSPECIFIED_SCOPE REGION ZONE SUBZONE NODE CLUSTER NETWORK
enum LoadBalancing.Mode UNSPECIFIED_MODE STRICT FAILOVER PASSTHROUGH
enum LoadBalancing.HealthPolicy ONLY_HEALTHY ALLOW_ALL
"""

_SECURITY = """
message Authorization
  1 name string
  2 namespace string
  3 scope Scope
  4 action Action
  5 rules Rule*
  6 dry_run bool
message Rule
  1 clauses Clause*
message Clause
  2 matches Match*
message Match
  1 namespaces StringMatch*
  2 not_namespaces StringMatch*
  3 principals StringMatch*
  4 not_principals StringMatch*
  5 source_ips Address*
  6 not_source_ips Address*
  7 destination_ips Address*
  8 not_destination_ips Address*
  9 destination_ports uint32*
  10 not_destination_ports uint32*
  11 service_accounts ServiceAccountMatch*
  12 not_service_accounts ServiceAccountMatch*
message StringMatch
  1 exact string @match_type
  2 prefix string @match_type
  3 suffix string @match_type
  4 presence google.protobuf.Empty @match_type
message Address
  1 address bytes
  2 length uint32
message ServiceAccountMatch
  1 namespace string
  2 serviceAccount string
enum Scope GLOBAL NAMESPACE WORKLOAD_SELECTOR
enum Action ALLOW DENY
"""

_ZDS = """
message ZdsHello
  1 version Version
message WorkloadInfo
  1 name string
  2 namespace string
  3 service_account string
message AddWorkload
  1 uid string
  2 workload_info WorkloadInfo
message KeepWorkload
  1 uid string
message DelWorkload
  2 uid string
message SnapshotSent
message Ack
  1 error string
message WorkloadRequest
  1 add AddWorkload @payload
  2 del DelWorkload @payload
  3 snapshot_sent SnapshotSent @payload
  5 keep KeepWorkload @payload
message WorkloadResponse
  1 ack Ack @payload
enum Version NOT_USED V1
"""

_AUTH = """
message IstioCertificateRequest
  1 csr string
  3 validity_duration int64
  4 metadata google.protobuf.Struct
message IstioCertificateResponse
  1 cert_chain string*
"""

WORKLOAD = declare("istio.workload", _WORKLOAD, any_pb2.DESCRIPTOR.name, wrappers_pb2.DESCRIPTOR.name)
SECURITY = declare("istio.security", _SECURITY, empty_pb2.DESCRIPTOR.name)
ZDS = declare("istio.workload.zds", _ZDS)
AUTH = declare("istio.v1.auth", _AUTH, struct_pb2.DESCRIPTOR.name)
