"""A pod that is gone is gone for all, at once, even if somebody still holds its namespace; nothing is left of it."""

import os
import socket
import time
from pathlib import Path

from tests.support.lab import asked, fabric, greeter, made, node, pod_address, run_inside

from sidestep.errors import SidestepError
from sidestep.lab.net.namespaces import Namespace, inside

PORT = 8080


def address_used_again() -> dict[str, object]:
    lab = fabric()
    one, two = node(lab, 0), node(lab, 1)
    a, old = one.add_pod("a", pod_address(0, 0)), one.add_pod("old", pod_address(0, 1))
    far = two.add_pod("far", pod_address(1, 0))
    held = Namespace.at(old.path)
    met: dict[str, object] = {}
    with greeter(held, PORT, "old"), greeter(a.namespace, PORT, "a"):
        met["before"] = asked(far.namespace, old.address.ipv4, PORT)
        one.remove_pod("old")
        gone = [asked(a.namespace, old.address.ipv4, PORT), asked(far.namespace, old.address.ipv4, PORT)]
        met["gone"] = gone
        met["path"] = os.path.lexists(old.path)
        met["still sends"] = asked(held, a.address.ipv4, PORT, patience=0.2)
        new = one.add_pod("new", old.address)
        with greeter(new.namespace, PORT, "new"):
            met["new"] = [
                asked(from_where.namespace, getattr(new.address, family), PORT)
                for from_where in (a, far)
                for family in ("ipv4", "ipv6")
            ]
            met["old beside new"] = asked(held, a.address.ipv4, PORT, patience=0.2)
    return met


def test_an_address_that_is_used_again_leads_to_the_new_pod_only():
    met = run_inside(address_used_again)
    a, far = pod_address(0, 0), pod_address(1, 0)
    assert met["before"] == f"old {far.ipv4}"
    assert met["gone"] == ["OSError", "OSError"], "nobody has the address: no route to host"
    assert met["path"] is False
    assert met["still sends"] == "TimeoutError"
    assert met["new"] == [f"new {a.ipv4}", f"new {a.ipv6}", f"new {far.ipv4}", f"new {far.ipv6}"]
    assert met["old beside new"] == "TimeoutError", "what it sends from another's address is dropped"


def links_left() -> int:
    lab = fabric()
    one = node(lab, 0)
    for number in range(30):
        pod = one.add_pod(f"pod-{number}", pod_address(0, number))
        pod.capture()
        pod.release()
        one.remove_pod(f"pod-{number}")
    until = time.monotonic() + 60
    with inside(one.namespace):
        while len(socket.if_nameindex()) > 2 and time.monotonic() < until:
            time.sleep(0.005)
        return len(socket.if_nameindex()) - 2


def test_links_of_pods_that_are_gone_are_taken_down():
    assert run_inside(links_left) == 0


def refusals() -> list[str]:
    lab = fabric()
    one = node(lab, 0)
    pod = one.add_pod("a", pod_address(0, 0))
    told = []
    one.remove_pod("a")
    for act in (
        lambda: one.add_pod("b", pod_address(0, 1)) and one.add_pod("b", pod_address(0, 2)),
        lambda: one.add_pod("c", pod_address(0, 1)),
        lambda: one.remove_pod("a"),
        lambda: node(lab, 0),
        lambda: Path(pod.path).symlink_to("/x") or one.add_pod("a", pod_address(0, 5)),
    ):
        try:
            act()
            told.append("done")
        except SidestepError as error:
            told.append(str(error).splitlines()[0].rpartition("/")[2])
    made(one.namespace, socket.AF_INET).close()
    return told


def test_what_cannot_be_is_said():
    assert run_inside(refusals) == [
        "there is a pod b on node node-0 already",
        "the kernel refuses to add the route to 10.128.0.3: File exists",
        "there is no pod a on node node-0",
        "there is a node node-0 already",
        "a: the name was given to a namespace before",
    ]
