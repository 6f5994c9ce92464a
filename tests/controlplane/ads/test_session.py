"""What a proxy is told and when, without a network (the incremental protocol of xDS)."""

from collections.abc import Iterable

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse
from hypothesis import given
from hypothesis import strategies as st

from sidestep.controlplane.ads.catalogue import Key
from sidestep.controlplane.ads.entries import Entry, entry
from sidestep.controlplane.ads.session import Rejection, Session
from sidestep.controlplane.generators import CLUSTER, ENDPOINTS, LISTENER, SECRET

REASON = 'Error adding cluster(s) a: goo.gle/debugstr  \nname: ""\nendpoint {\n  a: "b: c"\n}\n: it has no name\n'


class Things:
    """A source of named texts."""

    def __init__(self, **things: str) -> None:
        self.things = {Key(CLUSTER, name): text for name, text in things.items()}
        self.forgotten: list[Key] = []

    def everything(self, type_url: str, proxy: str) -> Iterable[str] | None:
        if type_url not in (CLUSTER, LISTENER):
            return None
        return sorted(key.name for key in self.things if key.type_url == type_url and key.proxy in ("", proxy))

    def wanted_by_all(self, key: Key) -> bool:
        return key in self.things

    def find(self, key: Key, held: str) -> Entry | None:
        text = self.things.get(key, self.things.get(key._replace(proxy="")))
        return None if text is None else entry(key.type_url, key.name, text.encode(), version=f"v-{text}")

    def meant(self, type_url: str, name: str) -> tuple[str, ...]:
        return ()

    def asked_as(self, key: Key) -> tuple[str, ...]:
        return ()

    def forget(self, key: Key) -> None:
        self.forgotten.append(key)


class Proxy:
    """The other end of a session: holds what it was told, and acknowledges when asked to."""

    def __init__(self, things: Things, *, rejects: frozenset[str] = frozenset()) -> None:
        self.things, self.rejects = things, rejects
        self.session = Session("one", things)
        self.held: dict[tuple[str, str], str] = {}
        self.log: list[tuple[str, list[str], list[str]]] = []
        self.rejections: list[Rejection] = []
        self.unacknowledged: list[tuple[str, str, list[str]]] = []

    def ask(self, type_url: str, *names: str, less: Iterable[str] = (), has: dict[str, str] | None = None) -> None:
        request = DeltaDiscoveryRequest(type_url=type_url, resource_names_subscribe=names)
        request.resource_names_unsubscribe.extend(less)
        request.initial_resource_versions.update(has or {})
        self.session.hear(request)

    def listen(self) -> None:
        while (said := self.session.say()) is not None:
            response = DeltaDiscoveryResponse.FromString(said)
            names = [each.name for each in response.resources]
            self.log.append((response.type_url.rpartition(".")[2], names, list(response.removed_resources)))
            self.unacknowledged.append((response.type_url, response.nonce, names))
            bad = self.rejects & set(names)
            for each in response.resources:
                if not bad:
                    self.held[response.type_url, each.name] = each.version.removeprefix("v-")
            for name in response.removed_resources:
                self.held.pop((response.type_url, name), None)

    def acknowledge(self) -> None:
        while self.unacknowledged:
            type_url, nonce, names = self.unacknowledged.pop(0)
            request = DeltaDiscoveryRequest(type_url=type_url, response_nonce=nonce)
            if self.rejects & set(names):
                request.error_detail.message = REASON
            rejection = self.session.hear(request)
            self.rejections += [rejection] if rejection else []
            self.listen()

    def settle(self) -> None:
        self.listen()
        self.acknowledge()

    def change(self, key: Key, text: str | None) -> None:
        if text is None:
            self.things.things.pop(key, None)
        else:
            self.things.things[key] = text
        self.session.touch(key)


def test_who_names_nothing_gets_all_and_an_answer_even_where_there_is_none():
    proxy = Proxy(Things(a="1", b="2"))
    proxy.ask(CLUSTER)
    proxy.ask(LISTENER)
    proxy.settle()
    assert proxy.log == [("Cluster", ["a", "b"], []), ("Listener", [], [])]
    assert proxy.session.settled


def test_an_acknowledgement_is_not_answered():
    proxy = Proxy(Things(a="1"))
    proxy.ask(CLUSTER)
    proxy.settle()
    assert len(proxy.log) == 1


def test_what_is_not_there_is_said_at_once_to_who_asks_for_it_and_told_when_it_comes():
    proxy = Proxy(Things())
    proxy.ask(ENDPOINTS, "a")
    proxy.settle()
    assert proxy.log == [("ClusterLoadAssignment", [], ["a"])]
    proxy.change(Key(ENDPOINTS, "a"), "1")
    proxy.settle()
    assert proxy.held == {(ENDPOINTS, "a"): "1"}


def test_what_changes_while_a_response_is_under_way_is_sent_once_as_it_is_then():
    proxy = Proxy(Things(a="1"))
    proxy.ask(CLUSTER)
    proxy.listen()
    for text in "234":
        proxy.change(Key(CLUSTER, "a"), text)
        proxy.listen()
    assert len(proxy.log) == 1
    proxy.acknowledge()
    assert len(proxy.log) == 2
    assert proxy.held == {(CLUSTER, "a"): "4"}


def test_what_another_proxy_alone_may_have_is_not_told():
    proxy = Proxy(Things())
    proxy.ask(LISTENER)
    proxy.change(Key(LISTENER, "mine", "one"), "1")
    proxy.change(Key(LISTENER, "theirs", "two"), "1")
    proxy.settle()
    assert proxy.held == {(LISTENER, "mine"): "1"}


def test_what_is_held_from_before_is_not_sent_again_and_what_is_gone_is_taken_away():
    proxy = Proxy(Things(same="1", other="2", fresh="3"))
    proxy.ask(CLUSTER, has={"same": "v-1", "other": "v-1", "gone": "v-1"})
    proxy.settle()
    assert proxy.log == [("Cluster", ["fresh", "other"], []), ("Cluster", [], ["gone"])]


def test_who_asks_again_for_a_name_has_lost_it():
    proxy = Proxy(Things())
    proxy.things.things[Key(SECRET, "s")] = "1"
    proxy.ask(SECRET, "s")
    proxy.settle()
    proxy.ask(SECRET, "s")
    proxy.settle()
    assert [names for _, names, _ in proxy.log] == [["s"], ["s"]]


def test_who_asks_no_more_is_told_no_more():
    proxy = Proxy(Things())
    proxy.things.things[Key(SECRET, "s")] = "1"
    proxy.ask(SECRET, "s")
    proxy.settle()
    proxy.ask(SECRET, less=["s"])
    proxy.change(Key(SECRET, "s"), "2")
    proxy.settle()
    assert len(proxy.log) == 1
    assert proxy.things.forgotten == [Key(SECRET, "s", "one")]


def test_what_is_new_comes_before_what_names_it_and_what_goes_goes_last():
    proxy = Proxy(Things(old="1"))
    proxy.ask(LISTENER)
    proxy.ask(CLUSTER)
    proxy.settle()
    proxy.log.clear()
    proxy.change(Key(CLUSTER, "old"), None)
    proxy.change(Key(LISTENER, "l"), "uses new")
    proxy.change(Key(CLUSTER, "new"), "1")
    proxy.listen()
    assert proxy.log == [("Cluster", ["new"], []), ("Listener", ["l"], [])]
    proxy.acknowledge()
    assert proxy.log[2:] == [("Cluster", [], ["old"])]


def test_what_goes_and_comes_back_before_it_was_taken_away_stays():
    proxy = Proxy(Things(a="1"))
    proxy.ask(CLUSTER)
    proxy.listen()
    proxy.change(Key(CLUSTER, "a"), None)
    proxy.change(Key(CLUSTER, "a"), "1")
    proxy.acknowledge()
    assert len(proxy.log) == 1


def test_what_is_rejected_is_found_and_the_rest_is_taken():
    things = Things(**{f"c{number:02}": "1" for number in range(40)})
    proxy = Proxy(things, rejects=frozenset({"c07", "c31"}))
    proxy.ask(CLUSTER)
    proxy.settle()
    assert [each.names for each in proxy.rejections] == [("c07",), ("c31",)]
    assert {name for _, name in proxy.held} == {f"c{number:02}" for number in range(40)} - {"c07", "c31"}
    assert proxy.session.settled
    assert len(proxy.log) < 30


def test_a_reason_is_one_line_without_the_message_that_envoy_prints():
    proxy = Proxy(Things(a="1"), rejects=frozenset({"a"}))
    proxy.ask(CLUSTER)
    proxy.settle()
    assert [each.reason for each in proxy.rejections] == ["Error adding cluster(s) a: it has no name"]


def test_what_was_rejected_is_sent_again_only_when_it_changes():
    proxy = Proxy(Things(a="1"), rejects=frozenset({"a"}))
    proxy.ask(CLUSTER)
    proxy.settle()
    assert len(proxy.log) == 1
    proxy.rejects = frozenset()
    proxy.change(Key(CLUSTER, "a"), "2")
    proxy.settle()
    assert proxy.held == {(CLUSTER, "a"): "2"}


def test_a_proxy_that_was_taken_leave_of_is_forgotten():
    proxy = Proxy(Things(a="1"))
    proxy.ask(ENDPOINTS, "a")
    proxy.session.end()
    assert proxy.things.forgotten == [Key(ENDPOINTS, "a", "one")]


_STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([CLUSTER, LISTENER, ENDPOINTS]), st.sampled_from("abc"), st.sampled_from(["1", "2", None])
        ),
        st.sampled_from(["listen", "acknowledge", "reconnect"]),
        st.tuples(st.sampled_from([ENDPOINTS, CLUSTER]), st.sampled_from("abc")),
    ),
    max_size=40,
)


@given(_STEPS)
def test_in_the_end_a_proxy_has_what_there_is_whatever_happened_on_the_way(steps):
    proxy = Proxy(Things())
    asked: set[tuple[str, str]] = set()
    _begin(proxy, asked)
    for step in steps:
        if step == "listen":
            proxy.listen()
        elif step == "acknowledge":
            proxy.acknowledge()
        elif step == "reconnect":
            proxy.session = Session("one", proxy.things)
            proxy.unacknowledged.clear()
            _begin(proxy, asked)
        elif len(step) == 2:
            asked.add(step)
            proxy.ask(*step)
        else:
            proxy.change(Key(*step[:2]), step[2])
    proxy.settle()
    assert proxy.session.settled
    there = {key[:2]: text for key, text in proxy.things.things.items()}
    assert proxy.held == {key: text for key, text in there.items() if key[0] != ENDPOINTS or key in asked}


def _begin(proxy: Proxy, asked: set[tuple[str, str]]) -> None:
    """The first requests of a stream, as Envoy sends them."""
    held = {key: f"v-{text}" for key, text in proxy.held.items()}
    for type_url in (CLUSTER, LISTENER):
        names = [name for kind, name in sorted(asked) if kind == type_url]
        has = {name: version for (kind, name), version in held.items() if kind == type_url}
        proxy.ask(type_url, *(("*", *names) if names else ()), has=has)
    names = [name for kind, name in sorted(asked) if kind == ENDPOINTS]
    if names:
        has = {name: version for (kind, name), version in held.items() if kind == ENDPOINTS}
        proxy.ask(ENDPOINTS, *names, has=has)


def test_a_cluster_that_is_sent_again_gets_its_endpoints_again():
    """Envoy makes the cluster anew and waits for endpoints without asking: it waited 15 s (seen with Envoy 1.40)."""
    things = Things(a="1")
    things.things[Key(ENDPOINTS, "a")] = things.things[Key(ENDPOINTS, "b")] = "e"
    proxy = Proxy(things)
    proxy.ask(CLUSTER)
    proxy.ask(ENDPOINTS, "a", "b")
    proxy.settle()
    proxy.log.clear()
    things.things[Key(CLUSTER, "a")] = "2"
    proxy.session.touch(Key(CLUSTER, "a"))
    proxy.settle()
    assert proxy.log == [("Cluster", ["a"], []), ("ClusterLoadAssignment", ["a"], [])]


def test_a_cluster_that_is_sent_again_gets_again_the_endpoints_of_another_name_by_which_it_asks():
    """Those of a name by which it asks no more, and of which there are none, it keeps: they are in use."""
    things = Things(a="1")
    things.things[Key(ENDPOINTS, "a#old")] = things.things[Key(ENDPOINTS, "ab")] = "e"
    proxy = Proxy(things)
    proxy.ask(CLUSTER)
    proxy.ask(ENDPOINTS, "a#old", "ab")
    proxy.settle()
    proxy.log.clear()
    proxy.change(Key(CLUSTER, "a"), "2")
    proxy.settle()
    assert proxy.log == [("Cluster", ["a"], []), ("ClusterLoadAssignment", ["a#old"], [])]
    proxy.log.clear()
    del things.things[Key(ENDPOINTS, "a#old")]
    proxy.change(Key(CLUSTER, "a"), "3")
    proxy.settle()
    assert proxy.log == [("Cluster", ["a"], [])]
    proxy.ask(ENDPOINTS, less=["a#old"])
    proxy.change(Key(CLUSTER, "a"), "4")
    proxy.settle()
    assert proxy.log[1:] == [("Cluster", ["a"], [])]
