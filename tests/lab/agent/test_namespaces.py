"""An agent in a node of its own: pods in their namespaces, names, a captured pod's names, redirection of both."""

import asyncio
import json

import pytest
from tests.support.agents import AgentProcess, serve
from tests.support.lab import USERS, fabric, node, pod_address, run_inside

from sidestep.lab.agent.messages import Call, Capture, Failed, Names, Request, ServeDns
from sidestep.lab.dns.names import Endpoint, Name, Source, Target, cluster_first
from sidestep.lab.net.namespaces import inside
from sidestep.lab.workload.containers import Probe, ProbeKind, Protocol

ZONE = "shop.svc.cluster.local"


def pods_and_names() -> dict[str, object]:
    return asyncio.run(_pods_and_names())


async def _pods_and_names() -> dict[str, object]:
    lab = fabric()
    one = node(lab, 0)
    nets = {name: one.add_pod(name, pod_address(0, number)) for number, name in enumerate(("a", "b", "dns"))}
    server, web = nets["dns"].address.ipv4, nets["b"].address
    with inside(one.namespace):
        agent = await AgentProcess().__aenter__()
    for name in ("a", "b"):
        net = nets[name]
        probe = Probe(ProbeKind.READINESS, port=80, path="/", period=0.05)
        await agent.done(
            serve(
                name,
                (80, Protocol.HTTP),
                probes=(probe,),
                netns=net.path,
                addresses=(net.address.ipv4, net.address.ipv6),
                dns=cluster_first("shop", server),
            )
        )
    await agent.done(ServeDns(0, (server,), netns=nets["dns"].path))
    names = (
        Name(f"b.{ZONE}", "shop", target=Target.ENDPOINTS, endpoints=(Endpoint((web.ipv4, web.ipv6), "b-0"),)),
        Name("entry.test", "shop", Source.ENTRY, addresses=(web.ipv4,), canonical=False),
        Name("outside.test", source=Source.OUTSIDE, addresses=(web.ipv4,)),
    )
    await agent.done(Names(0, names))
    ready = await agent.heard(lambda each: getattr(each, "ready", False) and each.uid == "b")

    async def asked(*hosts):
        found = {}
        for host in hosts:
            (outcome,) = await agent.outcomes(Call(0, "a", Request(f"http://{host}/", timeout=8)))
            found[host] = outcome.pod or outcome.kind
        return found

    hosts = ("b", "b.shop", f"b-0.b.{ZONE}", "outside.test", "entry.test", "nobody", f"[{web.ipv6}]")
    plain = await asked(*hosts)
    (seen,) = await agent.outcomes(Call(0, "a", Request("http://b/")))
    await agent.done(Capture(0, "a", on=True, upstream=(server,)))
    twice = await agent.do(Capture(0, "a", on=True, upstream=(server,)))
    kinds = {
        host: (await agent.outcomes(Call(0, "a", Request(f"dns://127.0.0.1:15053/{host}"))))[0] for host in hosts[:6]
    }
    captured = {host: outcome.body.split()[-1] if outcome.ok else outcome.kind for host, outcome in kinds.items()}
    await agent.done(Capture(0, "a", on=False))
    (silent,) = await agent.outcomes(Call(0, "a", Request("dns://127.0.0.1:15053/b")))
    await agent.__aexit__()
    return {
        "ready": ready.reason,
        "plain": plain,
        "peer": json.loads(seen.body)["peer"].rpartition(":")[0] == nets["a"].address.ipv4,
        "twice": not isinstance(twice, Failed),
        "captured": captured,
        "web": web.ipv4,
        "silent": silent.ok,
    }


@pytest.mark.parametrize("user", USERS)
def test_pods_and_names(user):
    seen = run_inside(pods_and_names, user=user)
    address = seen["web"]
    assert seen["ready"] == ""
    assert seen["plain"] == {
        "b": "shop/b",
        "b.shop": "shop/b",
        f"b-0.b.{ZONE}": "shop/b",
        "outside.test": "shop/b",
        "entry.test": "name",
        "nobody": "name",
        list(seen["plain"])[-1]: "shop/b",
    }
    assert seen["peer"]
    assert seen["twice"]
    assert seen["captured"] == {
        "b": address,
        "b.shop": address,
        f"b-0.b.{ZONE}": address,
        "outside.test": address,
        "entry.test": address,
        "nobody": "name",
    }
    assert not seen["silent"]
