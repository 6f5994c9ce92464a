"""A pod's packet rules: those that every pod has from its first packet, and those of redirection.

Ports, marks and order are those of Istio's CNI agent (ztunnel.md §1.3, §1.4). What differs is when they come:
connections are tracked, marks are kept and NAT is asked about every new connection also in a pod that is not captured.
So enrolling and un-enrolling only fill and empty chains: connections that are open stay what they are, whether they
run through the proxy or not, and there is no moment in which half of the rules hold.
"""

OUTBOUND_PORT, INBOUND_PORT, HBONE_PORT, DNS_PORT = 15001, 15006, 15008, 15053
PROBE_IPV4, PROBE_IPV6 = "169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"
PROXY_MARK, RETURN_MARK, MARK_MASK = 0x539, 0x111, 0xFFF
RETURN_TABLE, RETURN_PRIORITY = 100, 32764

PROXY = f"meta mark & {MARK_MASK:#x} == {PROXY_MARK:#x}"
NOT_PROXY = f"meta mark & {MARK_MASK:#x} != {PROXY_MARK:#x}"
_OTHER_BITS = 0xFFFFFFFF & ~MARK_MASK
ELSEWHERE = ("ip daddr != 127.0.0.1", "ip6 daddr != ::1")

NAMES = (
    f'outbound oifname != "lo" udp dport 53 {NOT_PROXY} redirect to :{DNS_PORT}',
    *(f"outbound {elsewhere} tcp dport 53 {NOT_PROXY} redirect to :{DNS_PORT}" for elsewhere in ELSEWHERE),
)
"""Questions for names go to whoever answers them in the pod."""
ZONES = (
    f"zone_out udp dport 53 {PROXY} ct zone set 1",
    f"zone_in udp sport 53 {NOT_PROXY} ct zone set 1",
    f"zone_out udp dport 53 {NOT_PROXY} ct zone set 2",
)
"""The proxy's own questions are tracked apart from the application's, which may have the same ports; and so are those
that are redirected from those that are not: a port that is used again half a minute after a pod was enrolled or left
would else go where it went before, where nobody listens any more."""

ALWAYS = f"""table inet sidestep {{
 chain mark_in {{
  type filter hook prerouting priority -150; policy accept;
  {PROXY} ct mark set ct mark & {_OTHER_BITS:#x} | {RETURN_MARK:#x}
 }}
 chain mark_out {{
  type route hook output priority -150; policy accept;
  ct mark & {MARK_MASK:#x} == {RETURN_MARK:#x} meta mark set ct mark
 }}
 chain answered {{
  type filter hook input priority 0; policy accept;
  {PROXY} meta mark set {RETURN_MARK:#x}
 }}
 chain zone_in {{
  type filter hook prerouting priority -300; policy accept;
 }}
 chain zone_out {{
  type filter hook output priority -300; policy accept;
 }}
 chain answers_out {{
  type filter hook output priority -300; policy accept;
  ip saddr 127.0.0.1 udp sport {DNS_PORT} ct zone set 2
  ip6 saddr ::1 udp sport {DNS_PORT} ct zone set 2
 }}
 chain within {{
  type filter hook output priority -300; policy accept;
  oifname "lo" meta l4proto tcp {PROXY} ct zone set 3
  oifname "lo" meta l4proto tcp meta mark & {MARK_MASK:#x} == {RETURN_MARK:#x} ct zone set 3
 }}
 chain inbound {{
  type nat hook prerouting priority -100; policy accept;
 }}
 chain outbound {{
  type nat hook output priority -100; policy accept;
 }}
}}
"""
"""The mark of answers is put on each packet by what is remembered of its connection, as Istio does. With the chain
`answered`, and `tcp_fwmark_accept`, the application's own end of a connection has it from the start: no packet has to
be routed a second time, and pieces are as large as loopback takes them.

What the proxy says to the application is tracked apart from what comes to the pod (`within`): it comes from the same
address, to the same port, and the kernel may choose the very port of the client's own connection, which is redirected;
then the proxy would speak to itself."""

RELEASE = "".join(f"flush chain inet sidestep {chain}\n" for chain in ("zone_in", "zone_out", "inbound", "outbound"))

LIST = "list table inet sidestep\n"


def capture(*, dns: bool, inbound: bool) -> str:
    """Redirection in place of whatever there was, as one transaction."""
    rules = [*_outbound(dns=dns), *(_inbound() if inbound else ()), *(ZONES if dns else ())]
    return RELEASE + "".join(f"add rule inet sidestep {rule}\n" for rule in rules)


def redirections(*, dns: bool, inbound: bool) -> list[str]:
    """What a listing of the chains says of a pod that is captured, one for each family where they differ."""
    ports = [INBOUND_PORT] * 2 if inbound else []
    ports += [DNS_PORT] * 3 if dns else []
    return [f":{port}" for port in [*ports, OUTBOUND_PORT, OUTBOUND_PORT]]


def _inbound() -> list[str]:
    return [
        f"inbound meta l4proto tcp ip saddr {PROBE_IPV4} accept",
        f"inbound meta l4proto tcp ip6 saddr {PROBE_IPV6} accept",
        *(
            f"inbound {elsewhere} tcp dport != {HBONE_PORT} {NOT_PROXY} redirect to :{INBOUND_PORT}"
            for elsewhere in ELSEWHERE
        ),
    ]


def _outbound(*, dns: bool) -> list[str]:
    return [
        f"outbound meta l4proto tcp ip daddr {PROBE_IPV4} accept",
        f"outbound meta l4proto tcp ip6 daddr {PROBE_IPV6} accept",
        *(NAMES if dns else ()),
        f"outbound meta l4proto tcp meta mark & {MARK_MASK:#x} == {RETURN_MARK:#x} accept",
        *(f'outbound oifname "lo" {elsewhere} accept' for elsewhere in ELSEWHERE),
        *(f"outbound meta l4proto tcp {elsewhere} {NOT_PROXY} redirect to :{OUTBOUND_PORT}" for elsewhere in ELSEWHERE),
    ]
