"""What nobody may get by: identities that stay apart, certificates, authorities, policies, greetings, scans."""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.hbone import context, outcome, tunnel
from tests.support.lab import asked, greeter, run_inside
from tests.support.node_mesh import Action, Match, NodeMesh, Side, policy, principal, service

from sidestep.controlplane.ads.catalogue import VACANT
from sidestep.controlplane.ca.authority import Authority

FOLDER = Path("/run")
ATTEMPTS = int(os.environ.get("SIDESTEP_ATTEMPTS", "4000"))
ROOT = "spiffe://cluster.local/ns/default/sa/"
NOT_IN = {"", "ConnectionResetError", "BrokenPipeError"}


def certificates() -> dict[str, str]:
    """One CONNECT each, by who shows what."""
    mesh = NodeMesh()
    b, stranger = mesh.add("b", 1), mesh.add("stranger", 0, captured=False)
    now = datetime.now(UTC)
    day = timedelta(days=1)
    own, other = mesh.authority, Authority.new("cluster.local", now)
    foreign = Authority.new("elsewhere.example", now)
    shown = {
        "own": own.issue(ROOT + "a", now),
        "none": None,
        "another root": other.issue(ROOT + "a", now),
        "foreign": foreign.issue("spiffe://elsewhere.example/ns/default/sa/a", now),
        "foreign name of our root": own.issue("spiffe://elsewhere.example/ns/default/sa/a", now),
        "name that begins like ours": own.issue("spiffe://cluster.local.example/ns/default/sa/a", now),
        "expired": own.issue(ROOT + "a", now - 2 * day),
        "not valid yet": own.issue(ROOT + "a", now + 2 * day),
    }
    with greeter(b.namespace, 8080, "b"):
        return {
            name: outcome(stranger.namespace, b.ipv4, context(FOLDER, chain), f"{b.ipv4}:8080")
            for name, chain in shown.items()
        }


def test_only_certificates_of_the_mesh_that_are_valid_now_open_a_tunnel():
    met = run_inside(certificates)
    assert met.pop("own") == "200"
    assert set(met.values()) == {"refused"}, met


def authorities() -> dict[str, str]:
    mesh = NodeMesh()
    b, other = mesh.add("b", 1), mesh.add("other", 1)
    stranger = mesh.add("stranger", 0, captured=False)
    mesh.put(policy("no-8080", Action.DENY, Match(Side(ports=(8080,)))))
    mesh.settle()
    tls = context(FOLDER, mesh.authority.issue(ROOT + "a", datetime.now(UTC)))
    met = {}
    with greeter(b.namespace, 8080, "b"), greeter(b.namespace, 8081, "b"), greeter(other.namespace, 8081, "other"):
        for name, authority in {
            "denied": f"{b.ipv4}:8080", "allowed": f"{b.ipv4}:8081", "leading zero": f"{b.ipv4}:08080",
            "plus": f"{b.ipv4}:+8080", "empty port": f"{b.ipv4}:", "no port": b.ipv4,
            "another pod": f"{other.ipv4}:8081", "loopback": "127.0.0.1:8081", "looks alike": f"{b.ipv4}0:8081",
            "octal": "012.0.0.2:8081", "name": "localhost:8081", "user": f"x@{b.ipv4}:8081",
            "closed": f"{b.ipv4}:9999", "own port": f"{b.ipv4}:15006", "hbone again": f"{b.ipv4}:15008",
        }.items():  # fmt: skip
            met[name] = outcome(stranger.namespace, b.ipv4, tls, authority)
        with tunnel(stranger.namespace, b.ipv4, tls) as opened:
            met["get"] = opened.ask(f"{b.ipv4}:8080", method="GET", greeting=False).status
    return met


def test_a_tunnel_leads_to_the_pod_alone_and_a_port_has_one_form():
    met = run_inside(authorities)
    assert met.pop("allowed") == "200"
    assert met.pop("denied") == "401"
    assert {met.pop("closed"), met.pop("own port"), met.pop("hbone again")} == {"503"}
    assert set(met.values()) <= {"400", "StreamReset", "ConnectionTerminated"}, met


def posing() -> dict[str, object]:
    """Headers that claim to be somebody else."""
    mesh = NodeMesh()
    b, stranger = mesh.add("b", 1), mesh.add("stranger", 0, captured=False)
    mesh.put(policy("only-a", Action.ALLOW, Match(principal("a"))))
    mesh.settle()
    claims = [
        ("baggage", "k8s.namespace.name=default,service.name=a"), ("forwarded", 'for="10.128.0.2:1"'),
        ("x-forwarded-for", "10.128.0.2"), ("x-forwarded-client-cert", f"URI={ROOT}a"), ("x-envoy-external-address", "10.128.0.2"),
        ("x-sidestep-authority", "127.0.0.1:8080"), ("x-envoy-original-dst-host", "127.0.0.1:8080"),
    ]  # fmt: skip
    now = datetime.now(UTC)
    with greeter(b.namespace, 8080, "b"):
        with tunnel(stranger.namespace, b.ipv4, context(FOLDER, mesh.authority.issue(ROOT + "c", now))) as opened:
            other = opened.ask(f"{b.ipv4}:8080", *claims)
        with tunnel(stranger.namespace, b.ipv4, context(FOLDER, mesh.authority.issue(ROOT + "a", now))) as opened:
            allowed = opened.ask(f"{b.ipv4}:8080", *claims)
    return {
        "other": other.status,
        "said": other.data,
        "allowed": allowed.status,
        "seen": allowed.data,
        "ip": stranger.ipv4,
    }


def test_headers_change_neither_who_a_peer_is_nor_where_it_seems_to_be():
    met = run_inside(posing)
    assert (met["other"], met["said"]) == ("401", "")
    assert (met["allowed"], met["seen"].strip()) == ("200", f"b {met['ip']}")


def greetings() -> dict[str, list[str]]:
    """What refused peers hear of a server that speaks first."""
    mesh = NodeMesh()
    a, b, c = mesh.add("a", 0), mesh.add("b", 1), mesh.add("c", 0)
    plain = mesh.add("plain", 0, captured=False)
    mesh.put(policy("only-a", Action.ALLOW, Match(principal("a"))))
    mesh.settle()
    with greeter(b.namespace, 8080, "b"):
        return {
            who: sorted({asked(pod.namespace, b.ipv4, 8080) for _ in range(50)})
            for who, pod in {"a": a, "c": c, "plain": plain}.items()
        }


def test_a_refused_peer_hears_nothing_of_a_server_that_speaks_first():
    met = run_inside(greetings)
    assert len(met["a"]) == 1
    assert met["a"][0].startswith("b ")
    assert set(met["c"]) <= NOT_IN
    assert set(met["plain"]) <= NOT_IN


def isolation(attempts: int) -> dict[str, int]:
    """Two pods of one node dial at the same time; one may."""
    mesh = NodeMesh(concurrency=2)
    web = service("web", "10.96.0.20", (80, 8080))
    mesh.put(web)
    good, bad, b = mesh.add("good", 0), mesh.add("bad", 0), mesh.add("b", 1, serves=[web])
    mesh.put(policy("only-good", Action.ALLOW, Match(principal("good"))))
    mesh.settle()
    met = {"let in": 0, "shut out": 0, "leaked": 0, "attempts": 0}

    def dial(pod, number: int, heard: str, silent: str) -> None:
        for each in range(number):
            address, port = ("10.96.0.20", 80) if each % 2 else (b.ipv4, 8080)
            met[heard if asked(pod.namespace, address, port).startswith("b ") else silent] += 1
            met["attempts"] += silent == "none"

    with greeter(b.namespace, 8080, "b"):
        threads = [threading.Thread(target=dial, args=(good, attempts // 4, "let in", "shut out"))]
        threads += [threading.Thread(target=dial, args=(bad, attempts // 2, "leaked", "none")) for _ in range(2)]
        met["none"] = 0
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    return met


def test_no_pod_gets_through_by_the_connection_of_another():
    met = run_inside(isolation, ATTEMPTS, timeout=900)
    assert met["leaked"] == 0
    assert met["attempts"] == ATTEMPTS
    assert met["shut out"] == 0
    assert met["let in"] == ATTEMPTS // 4


def scan() -> dict[str, object]:
    mesh = NodeMesh()
    web = service("web", "10.96.0.20", (80, 8080))
    mesh.put(web)
    a, b = mesh.add("a", 0), mesh.add("b", 1, serves=[web])
    asked(a.namespace, b.ipv4, 1), asked(a.namespace, "10.96.0.20", 80)
    again = [asked(a.namespace, *each) for each in [("10.96.0.20", 81), ("10.128.0.250", 80)] * 2]
    active = "cluster_manager.active_clusters"
    before = mesh.admin(0).stats(active)[active]
    lines = []
    for port in set(range(1, 200)) - {53}:
        lines.append(asked(a.namespace, b.ipv4, port))
        lines.append(asked(a.namespace, "10.96.0.20", 1000 + port, patience=0.05))
        lines.append(asked(a.namespace, "172.18.0.1", port))
    return {"grown": mesh.admin(0).stats(active)[active] - before, "heard": sorted(set(lines)), "again": again}


def test_a_scan_of_ports_makes_few_clusters_and_who_dials_nobody_twice_waits_for_nothing():
    met = run_inside(scan, timeout=120)
    assert met["grown"] <= VACANT < 190
    assert set(met["again"]) <= NOT_IN
    assert set(met["heard"]) <= NOT_IN | {"TimeoutError"}
