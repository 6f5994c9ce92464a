"""Servers and resolver on the loopback, asked by dnspython's own client as well."""

import asyncio

import dns.asyncquery
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from sidestep.lab.dns.exchange import Upstream, UpstreamError
from sidestep.lab.dns.names import DnsConfig, Endpoint, Name, Source, Target, cluster_first, resolv_conf
from sidestep.lab.dns.resolver import NameNotFoundError, Resolver, tried
from sidestep.lab.dns.server import CapturedDns, ClusterDns, DnsServer
from sidestep.lab.dns.table import NameTable
from sidestep.lab.sockets import Network

ZONE = "shop.svc.cluster.local"
HERE = "127.0.0.1"
MANY = Name(
    f"many.{ZONE}",
    "shop",
    target=Target.ENDPOINTS,
    endpoints=tuple(Endpoint((f"10.244.1.{each}",)) for each in range(1, 201)),
)
NAMES = (
    Name(f"web.{ZONE}", "shop", addresses=("10.96.0.1", "fd00::1")),
    Name("world.test", source=Source.OUTSIDE, addresses=("203.0.113.1",)),
    MANY,
)


def played(scene):
    """Run a scene with a server, its table and its port."""

    async def run():
        table = NameTable()
        table.apply(NAMES, ())
        server = DnsServer()
        await server.start(Network(), (HERE,), 0, ClusterDns(table, "cluster.local").handle)
        try:
            return await scene(table, server.port)
        finally:
            server.close()

    return asyncio.run(run())


def test_an_independent_client_is_answered_over_udp_and_tcp():
    async def scene(_, port):
        query = dns.message.make_query(f"web.{ZONE}.", "AAAA")
        return [await each(query, HERE, port=port, timeout=5) for each in (dns.asyncquery.udp, dns.asyncquery.tcp)]

    for answer in played(scene):
        assert [str(item) for found in answer.answer for item in found] == ["fd00::1"]
        assert answer.flags & dns.flags.AA


def test_what_is_too_long_for_udp_is_cut_and_asked_again_over_tcp():
    async def scene(_, port):
        query = dns.message.make_query(f"many.{ZONE}.", "A")
        cut = await dns.asyncquery.udp(query, HERE, port=port, timeout=5)
        return cut, await Upstream(Network(), HERE, port).ask(query)

    cut, whole = played(scene)
    assert cut.flags & dns.flags.TC
    assert len(whole.answer[0]) == 200


def test_answers_follow_the_table():
    async def scene(table, port):
        async def codes():
            answer = await Upstream(Network(), HERE, port).ask(dns.message.make_query(f"new.{ZONE}.", "A"))
            return dns.rcode.to_text(answer.rcode())

        before = await codes()
        table.apply((Name(f"new.{ZONE}", "shop", addresses=("10.96.0.7",)),), ())
        return before, await codes()

    assert played(scene) == ("NXDOMAIN", "NOERROR")


def test_what_is_no_query_is_not_implemented_and_nonsense_gets_no_answer():
    async def scene(_, port):
        update = dns.message.make_query(f"web.{ZONE}.", "A")
        update.set_opcode(dns.opcode.STATUS)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(HERE, port))
        transport.sendto(b"nonsense")
        transport.close()
        return (await dns.asyncquery.udp(update, HERE, port=port, timeout=5)).rcode()

    assert played(scene) == dns.rcode.NOTIMP


def test_a_captured_pods_server_asks_the_clusters_for_the_rest(monkeypatch):
    async def scene(table, port):
        monkeypatch.setattr(
            "sidestep.lab.dns.server.Upstream", lambda network, address, mark: Upstream(network, address, port)
        )
        own = DnsServer()
        await own.start(Network(), (HERE,), 0, CapturedDns(table, "shop", Network(), (HERE,), "cluster.local").handle)
        asked = {}
        for host in ("web", "world.test", "nobody.test"):
            answer = await dns.asyncquery.udp(dns.message.make_query(host + ".", "A"), HERE, port=own.port, timeout=5)
            items = [str(item) for found in answer.answer for item in found]
            asked[host] = dns.rcode.to_text(answer.rcode()), items
        own.close()
        return asked

    assert played(scene) == {
        "web": ("NOERROR", [f"web.{ZONE}.", "10.96.0.1"]),
        "world.test": ("NOERROR", ["203.0.113.1"]),
        "nobody.test": ("NXDOMAIN", []),
    }


def test_without_an_upstream_a_captured_pod_is_told_of_a_failure():
    async def scene():
        dns_ = CapturedDns(NameTable(), "shop", Network(), (), "cluster.local")
        return (await dns_.handle(dns.message.make_query("nobody.", "A"))).rcode()

    assert asyncio.run(scene()) == dns.rcode.SERVFAIL


def test_nobody_listening_is_told_with_the_servers_address():
    async def scene(port):
        await Upstream(Network(), HERE, port).ask(dns.message.make_query("a.", "A"))

    server_gone = played(_port)
    with pytest.raises(UpstreamError, match=HERE):
        asyncio.run(scene(server_gone))


async def _port(_, port):
    return port


def test_names_are_tried_as_a_c_library_does():
    config = cluster_first("shop", "10.96.0.10")
    assert tried("web", config) == [f"web.{ZONE}", "web.svc.cluster.local", "web.cluster.local", "web"]
    assert tried("a.b.c.d.e.f", config)[0] == "a.b.c.d.e.f"
    assert tried("web.", config) == ["web"]
    assert tried("web", DnsConfig()) == ["web"]
    assert resolv_conf(config) == (
        "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
    )


def test_a_resolver_needs_no_server_for_addresses_that_are_written_out():
    async def scene():
        resolver = Resolver(Network(), DnsConfig())
        found = [await resolver.addresses(each) for each in ("10.0.0.1", "::1", "localhost")]
        with pytest.raises(NameNotFoundError, match="no nameserver"):
            await resolver.addresses("web")
        return found

    assert asyncio.run(scene()) == [("10.0.0.1",), ("::1",), ("127.0.0.1", "::1")]
