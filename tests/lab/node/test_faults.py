"""What keeps going: proxies that are replaced or die, a control plane that is away, certificates and roots exchanged."""

import threading
import time
from collections import Counter

from msgspec.structs import replace
from tests.support.lab import Talk, asked, connected, greeter, run_inside
from tests.support.node_mesh import NodeMesh, service

from sidestep.controlplane.records import Tunnel
from sidestep.lab.envoy import Admin

VIP = "10.96.0.20"


class Load:
    """New connections, one after the other, until told to stop; counted by what became of them."""

    def __init__(self, pod, heard: str) -> None:
        self.met: Counter[str] = Counter()
        self._pod, self._heard, self._on = pod, heard, True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while self._on:
            told = asked(self._pod.namespace, VIP, 80)
            self.met["heard" if told.startswith(self._heard) else f"failed {told}"] += 1

    def more(self, number: int = 50) -> None:
        """Until so many more were made."""
        before = self.met.total()
        while self.met.total() < before + number:
            time.sleep(0.005)

    def end(self) -> dict[str, int]:
        self._on = False
        self._thread.join()
        return dict(self.met)


def scene():
    mesh = NodeMesh()
    web = service("web", VIP, (80, 8080))
    mesh.put(web)
    return mesh, mesh.add("a", 0), mesh.add("b", 1, serves=[web])


def replaced() -> dict[str, object]:
    """Both nodes' proxies give way to new ones, gently, under load."""
    mesh, a, b = scene()
    with greeter(b.namespace, 8080, "b"):
        load = Load(a, "b ")
        load.more()
        for number in (1, 0):
            old = mesh.envoys[number]
            mesh.start(number, epoch=1)
            mesh.settle()
            load.more()
            mesh.admin(number).drain()
            mesh.until(mesh.admin(number).drained, "the end of the drain")
            old.terminate()
            old.wait()
            load.more()
        return load.end()


def test_a_proxy_is_replaced_without_one_failed_new_connection():
    met = run_inside(replaced, timeout=120)
    assert set(met) == {"heard"}, met


def still_used() -> dict[str, bool]:
    """A proxy that takes nobody any more, with a connection that one of its pods has open."""
    mesh, a, b = scene()
    old = mesh.admin(0)
    with greeter(b.namespace, 8080, "b"):
        with connected(a.namespace, VIP, 80) as line:
            line.makefile().readline()
            old.drain()
            mesh.until(lambda: _takes_nobody(old), "the end of all listeners")
            held = old.drained()
        mesh.until(old.drained, "the end of the connection")
    return {"while it is open": held}


def _takes_nobody(proxy: Admin) -> bool:
    found = proxy.stats("^listener_manager")
    return found["listener_manager.listener_stopped"] >= found["listener_manager.total_listeners_active"]


def test_a_proxy_is_not_drained_while_a_pod_of_its_has_a_connection_open():
    assert run_inside(still_used, timeout=120) == {"while it is open": False}


def killed() -> dict[str, object]:
    """A proxy dies: its pods are closed, not open, and come back with it."""
    mesh, a, b = scene()
    plain = mesh.add("plain", 0, captured=False)
    with greeter(b.namespace, 8080, "b"):
        mesh.envoys[1].kill()
        mesh.envoys[1].wait()
        away = [asked(each.namespace, b.ipv4, 8080) for each in (a, plain)]
        mesh.start(1)
        mesh.settle()
        mesh.until(lambda: asked(a.namespace, VIP, 80).startswith("b "), "the pod after its proxy came back")
        return {"away": away, "plain": asked(plain.namespace, b.ipv4, 8080)}


def test_where_a_proxy_died_nothing_passes_and_it_comes_back():
    met = run_inside(killed, timeout=120)
    assert not any(each.startswith("b") for each in met["away"])
    assert met["plain"].startswith("b ")


def rotated() -> dict[str, object]:
    """The root is exchanged in its three steps, under load; open connections stay."""
    mesh, a, b = scene()
    with greeter(b.namespace, 8080, "b"):
        held = Talk(a.namespace, VIP, 80)
        load = Load(a, "b ")
        load.more()
        for _ in range(3):
            mesh.authority = mesh.authority.next_stage(mesh.clock())
            mesh.trust = replace(mesh.trust, own=mesh.authority)
            mesh.on_plane(mesh.plane.trust_changed)
            mesh.settle()
            load.more()
        return {**load.end(), "held": held.echoes("still")}


def test_the_root_is_exchanged_without_a_failure():
    met = run_inside(rotated, timeout=120)
    assert met.pop("held") is True
    assert set(met) == {"heard"}, met


def without_control_plane() -> dict[str, object]:
    mesh, a, b = scene()
    with greeter(b.namespace, 8080, "b"):
        before = asked(a.namespace, VIP, 80)
        mesh.stop_plane()
        met = {"before": before, "away": asked(a.namespace, VIP, 80), "pod": asked(a.namespace, b.ipv4, 8080, 15)}
        mesh.start_plane()
        mesh.until(lambda: bool(mesh.plane.connections), "proxies at the new control plane")
        mesh.settle()
        mesh.until(lambda: asked(a.namespace, b.ipv4, 8080).startswith("b "), "what was not known before")
        return met


def test_what_was_dialled_before_goes_on_while_the_control_plane_is_away():
    met = run_inside(without_control_plane, timeout=120)
    assert met["before"] == met["away"]
    assert met["pod"] == ""


def churn() -> dict[str, int]:
    """Pods of one name and one address come and go; nobody else's server is reached."""
    mesh, a, _ = scene()
    met: Counter[str] = Counter()
    for number in range(40):
        pod = mesh.add(f"churn-{number}", 1)
        with greeter(pod.namespace, 8080, f"churn-{number}"):
            told = asked(a.namespace, pod.ipv4, 8080)
            met["right" if told.startswith(f"churn-{number} ") else f"wrong {told}"] += 1
            assert mesh.envoys[0].poll() is None, mesh.log(0)[-2000:]
        mesh.remove(pod)
        mesh.reuse(1)
    return dict(met)


def test_an_address_that_is_given_again_leads_to_its_new_pod():
    met = run_inside(churn, timeout=120)
    assert met == {"right": 40}


def first_gone() -> dict[str, object]:
    """The pod whose listeners the proxy had first loses them, while connections to it and from it are open."""
    mesh = NodeMesh(1)
    first, second = mesh.add("first"), mesh.add("second")
    plain = mesh.add("plain", captured=False)
    with greeter(first.namespace, 8080, "first"), greeter(second.namespace, 8080, "second"):
        talks = {
            "by a tunnel": Talk(second.namespace, first.ipv4, 8080),
            "in plaintext": Talk(plain.namespace, first.ipv6, 8080),
            "from it": Talk(first.namespace, second.ipv4, 8080),
        }
        talks = {name: talk for name, talk in talks.items() if talk.echoes("before")}
        mesh.change(first, netns="", tunnel=Tunnel.NONE)
        mesh.settle()
        left = "listener_manager.total_listeners_draining"
        mesh.until(lambda: not mesh.admin(0).stats(left)[left], "the end of the drain")
        cut = [name for name, talk in talks.items() if not talk.echoes("after")]
        for number in range(3):
            mesh.remove(mesh.add(f"later-{number}"))
        return {"cut": cut, "second": asked(plain.namespace, second.ipv4, 8080), "ended": mesh.envoys[0].poll()}


def test_nothing_is_left_of_listeners_that_are_gone_whichever_pod_came_first():
    met = run_inside(first_gone, timeout=120)
    assert met["cut"] == ["by a tunnel", "in plaintext", "from it"]
    assert met["second"].startswith("second ")
    assert met["ended"] is None
