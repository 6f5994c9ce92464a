"""What crosses zones is counted, and takes the wire where there is one."""

import subprocess
import time

import pytest
from tests.support.lab import USERS, Talk, asked, connected, fabric, greeter, node, pod_address, run_inside

PORT = 8080
FAMILIES = ("ipv4", "ipv6")
DELAY = 0.02


def crossings() -> dict[str, int]:
    lab = fabric()
    nodes = [node(lab, number, zone) for number, zone in enumerate(("a", "b", "a", "c", "b", ""))]
    pods = [each.add_pod(each.name[-1], pod_address(number, 0)) for number, each in enumerate(nodes)]
    with greeter(pods[0].namespace, PORT, "first"):
        asked(pods[2].namespace, pods[0].address.ipv4, PORT)
        asked(pods[5].namespace, pods[0].address.ipv4, PORT)
        before = lab.crossed()
        for family in FAMILIES:
            asked(pods[4].namespace, getattr(pods[0].address, family), PORT)
        asked(nodes[3].namespace, pods[0].address.ipv6, PORT)
    return {"before": sum(before.values())} | {"".join(pair): count for pair, count in lab.crossed().items()}


def test_bytes_between_zones_are_counted_and_no_others():
    met = run_inside(crossings)
    assert met["before"] == 0
    assert set(met) == {"before", "ab", "ba", "ac", "ca", "bc", "cb"}
    assert met["bc"] == met["cb"] == 0
    assert met["ab"] > 200
    assert met["ba"] > 200
    assert met["ac"] > 100
    assert met["ca"] > 100


def over_the_wire(loss: float) -> dict[str, object]:
    lab = fabric(delay=DELAY, loss=loss)
    near, far, beside = node(lab, 0, "a"), node(lab, 1, "b"), node(lab, 2, "a")
    a, b, c = (each.add_pod(each.name[-1], pod_address(number, 0)) for number, each in enumerate((near, far, beside)))
    took, said = {}, {}
    with greeter(a.namespace, PORT, "a"), subprocess.Popen(lab.wire) as wire:
        while asked(far.namespace, near.address.ipv4, PORT, patience=1) == "TimeoutError":
            pass
        for name, pod in (("crossing", b), ("beside", c)):
            for family in FAMILIES:
                talk = Talk(pod.namespace, getattr(a.address, family), PORT)
                start = time.monotonic()
                said[f"{name} {family}"] = talk.echoes("x" * 1_000)
                took[f"{name} {family}"] = time.monotonic() - start
        with connected(b.namespace, a.address.ipv4, PORT) as line:
            line.sendall(b"y" * 300_000 + b"\n")
            with line.makefile("rb") as file:
                greeting, echo = file.readline(), file.readline()
        wire.kill()
    late = asked(b.namespace, a.address.ipv4, PORT, patience=0.2)
    return {"took": took, "said": said, "bytes": len(echo), "greeting": greeting.decode(), "late": late}


@pytest.mark.parametrize("user", USERS)
def test_the_wire_delays_what_crosses_and_nothing_else(user):
    met = run_inside(over_the_wire, 0.0, user=user)
    assert all(met["said"].values())
    assert met["bytes"] == 300_001
    for family in FAMILIES:
        assert met["took"][f"crossing {family}"] >= 2 * DELAY, "there and back"
    assert met["greeting"] == f"a {pod_address(1, 0).ipv4}\n"
    assert met["late"] == "TimeoutError", "nothing crosses where nobody carries"


def test_what_the_wire_loses_is_sent_again():
    met = run_inside(over_the_wire, 0.02)
    assert met["bytes"] == 300_001
