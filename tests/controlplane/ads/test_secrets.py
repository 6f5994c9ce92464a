"""Certificates: only of pods on the proxy's own node, renewed in time, exchanged with roots while all stay trusted."""

from datetime import timedelta

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse
from tests.support.ads import Clock, EveryService

from sidestep.controlplane.ads.catalogue import Key
from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.ads.secrets import Secrets
from sidestep.controlplane.ca.authority import Authority, Stage
from sidestep.controlplane.ca.folder import load
from sidestep.controlplane.generators import ROOTS, SECRET, secret_name
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import ProxyRole, Records, Tunnel, Workload, WorkloadUid, identity_of
from sidestep.controlplane.rotation import Rotation
from sidestep.controlplane.tokens import Proxy


def _pod(name: str, node: str = "one", tunnel: Tunnel = Tunnel.HBONE, **fields) -> Workload:
    return Workload(WorkloadUid(f"c//Pod/d/{name}"), name, "d", node=node, account=name, tunnel=tunnel, **fields)


def _name(workload: Workload, purpose: str = "in") -> str:
    return secret_name(purpose, identity_of(workload))


class Scene:
    """A control plane without a network, and the secrets that one node's proxy holds."""

    def __init__(self, folder, *pods: Workload, authority: Authority | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.rotation = Rotation(authority or Authority.new("cluster.local", self.clock()), folder, self.clock)
        index = Index.of(Records({each.uid: each for each in pods}, {}, {}))
        secrets = Secrets(index, self.rotation.trust, self.clock, lambda: 0.5)
        self.plane = Plane(index, {"node": EveryService()}, secrets)
        self.connection = self.plane.open(Proxy("node", "one"), lambda: None)
        self.held: dict[str, Secret] = {}
        self.versions: dict[str, str] = {}
        self.sent: list[str] = []

    def ask(self, *names: str, has: dict[str, str] | None = None) -> None:
        request = DeltaDiscoveryRequest(type_url=SECRET, resource_names_subscribe=names)
        request.initial_resource_versions.update(has or {})
        self.connection.session.hear(request)
        self.listen()

    def lifetime(self, name: str):
        """From when until when a certificate is valid."""
        [leaf, _] = self._certificates(name)
        return leaf.not_valid_before_utc, leaf.not_valid_after_utc

    def listen(self, *, acknowledges: bool = True) -> None:
        while (said := self.connection.say()) is not None:
            response = DeltaDiscoveryResponse.FromString(said)
            for each in response.resources:
                self.held[each.name] = Secret.FromString(each.resource.value)
                self.versions[each.name] = each.version
                self.sent.append(each.name)
            for name in response.removed_resources:
                self.held.pop(name, None)
            if acknowledges:
                self.connection.session.hear(DeltaDiscoveryRequest(type_url=SECRET, response_nonce=response.nonce))

    def uri(self, name: str) -> list[str]:
        [certificate, _] = self._certificates(name)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)

    def trusted(self, name: str, roots: bytes) -> bool:
        [certificate, *others] = self._certificates(name)
        store = Store(x509.load_pem_x509_certificates(roots))
        verifier = PolicyBuilder().store(store).time(self.clock()).build_client_verifier()
        try:
            verifier.verify(certificate, others)
        except x509.verification.VerificationError:
            return False
        return True

    @property
    def roots(self) -> bytes:
        return self.held[ROOTS].validation_context.trusted_ca.inline_bytes

    def _certificates(self, name: str) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates(self.held[name].tls_certificate.certificate_chain.inline_bytes)


def test_a_proxy_gets_the_identities_of_its_own_pods_and_no_others(tmp_path):
    mine, theirs, outside = _pod("mine"), _pod("theirs", "two"), _pod("outside", tunnel=Tunnel.NONE)
    scene = Scene(tmp_path, mine, theirs, outside)
    invented = secret_name("in", "spiffe://cluster.local/ns/d/sa/nobody")
    scene.ask(_name(mine), _name(theirs), _name(outside), invented, "no colon", "in:")
    assert list(scene.held) == [_name(mine)]
    assert scene.uri(_name(mine)) == ["spiffe://cluster.local/ns/d/sa/mine"]


def test_a_pod_whose_listeners_come_first_has_its_certificate_before_it_is_reached(tmp_path):
    early = _pod("early", tunnel=Tunnel.NONE, netns="/netns/1")
    scene = Scene(tmp_path, early)
    scene.ask(_name(early))
    assert list(scene.held) == [_name(early)]


def test_a_certificate_that_was_asked_too_early_comes_with_the_pod_and_goes_with_the_last_of_its_account(tmp_path):
    first, second = _pod("a"), _pod("b")
    second = Workload(second.uid, "b", "d", node="one", account="a", tunnel=Tunnel.HBONE)
    scene = Scene(tmp_path)
    scene.ask(_name(first))
    assert not scene.held
    for workload in (first, second):
        scene.plane.change(Changes({workload.uid: workload}))
        scene.listen()
    assert scene.sent == [_name(first)]
    scene.plane.change(Changes({first.uid: None}))
    scene.listen()
    assert list(scene.held) == [_name(first)]
    scene.plane.change(Changes({second.uid: _pod("b", "two")}))
    scene.listen()
    assert not scene.held


def test_certificates_are_renewed_at_half_their_life_and_not_before(tmp_path):
    pod = _pod("a")
    scene = Scene(tmp_path, pod)
    scene.ask(_name(pod, "in"), _name(pod, "out"))
    scene.clock.now += timedelta(hours=11, minutes=59)
    assert scene.plane.renew_certificates() == 0
    scene.clock.now += timedelta(minutes=2)
    assert scene.plane.renew_certificates() == 2
    scene.listen()
    assert len(scene.sent) == 4
    assert scene.plane.renew_certificates() == 0


def test_after_a_restart_a_certificate_that_is_good_is_not_sent_again_and_renewed_when_it_is_due(tmp_path):
    pod = _pod("a")
    before = Scene(tmp_path, pod)
    before.ask(_name(pod))
    later = Scene(tmp_path, pod, authority=before.rotation.authority, clock=before.clock)
    later.ask(_name(pod), has=before.versions)
    assert not later.sent
    later.clock.now += timedelta(hours=12, minutes=1)
    later.plane.renew_certificates()
    later.listen()
    assert later.sent == [_name(pod)]


def test_a_version_that_nobody_gave_is_not_believed(tmp_path):
    pod = _pod("a")
    for version in ("x", "..", "gen.99999999999999999999.1", "", "0.-1.0"):
        scene = Scene(tmp_path, pod)
        scene.ask(_name(pod), has={_name(pod): version})
        assert scene.sent == [_name(pod)]


def test_who_asks_no_more_gets_no_renewals(tmp_path):
    pod = _pod("a")
    scene = Scene(tmp_path, pod)
    scene.ask(_name(pod))
    scene.connection.session.hear(DeltaDiscoveryRequest(type_url=SECRET, resource_names_unsubscribe=[_name(pod)]))
    scene.clock.now += timedelta(hours=13)
    assert scene.plane.renew_certificates() == 0


def test_a_stream_that_ends_takes_nothing_from_the_proxys_next_one(tmp_path):
    pod = _pod("a")
    scene = Scene(tmp_path, pod)
    scene.ask(_name(pod))
    old, scene.connection = scene.connection, scene.plane.open(Proxy("node", "one"), lambda: None)
    scene.ask(_name(pod), has=scene.versions)
    scene.plane.close(old)
    scene.clock.now += timedelta(hours=13)
    assert scene.plane.renew_certificates() == 1


def test_roots_are_exchanged_step_by_step_and_every_certificate_is_trusted_at_every_step(tmp_path):
    pod = _pod("a")
    scene = Scene(tmp_path, pod)
    scene.ask(ROOTS, _name(pod))
    first = scene.roots
    assert scene.rotation.begin(scene.plane)
    assert not scene.rotation.begin(scene.plane)
    stages = []
    while scene.rotation.authority.stage is not Stage.STEADY:
        stages.append(scene.rotation.authority.stage)
        scene.rotation.go_on(scene.plane)
        assert scene.rotation.authority.stage is stages[-1], "a step before the last one was taken by the proxy"
        before = scene.roots
        scene.listen()
        assert scene.trusted(_name(pod), before)
        assert scene.trusted(_name(pod), scene.roots)
        scene.rotation.go_on(scene.plane)
    scene.listen()
    assert stages == [Stage.BOTH_TRUSTED, Stage.NEXT_SIGNS]
    assert scene.trusted(_name(pod), scene.roots)
    assert not scene.trusted(_name(pod), first)
    kept = load(tmp_path)
    assert kept is not None
    assert kept.anchors == scene.rotation.authority.anchors


def test_an_intermediate_is_exchanged_before_it_ends(tmp_path):
    pod = _pod("a")
    scene = Scene(tmp_path, pod)
    scene.ask(ROOTS, _name(pod))
    generation = scene.rotation.authority.generation
    scene.clock.now += timedelta(days=300)
    scene.rotation.go_on(scene.plane)
    scene.listen()
    assert scene.rotation.authority.generation != generation
    assert scene.trusted(_name(pod), scene.roots)


def test_a_pods_own_proxy_has_the_pods_identity_and_nobody_else_has(tmp_path):
    waypoint = _pod("waypoint", proxy=ProxyRole.WAYPOINT)
    scene = Scene(tmp_path, waypoint, _pod("a"))
    scene.ask(_name(waypoint), _name(_pod("a")))
    assert set(scene.held) == {_name(_pod("a"))}
    index = scene.plane.index
    secrets = scene.plane.secrets
    assert secrets.find(Key(SECRET, _name(waypoint), "d/waypoint"), "") is not None
    assert secrets.find(Key(SECRET, _name(_pod("a")), "d/waypoint"), "") is None
    scene.plane.change(Changes({waypoint.uid: None}))
    assert index.workloads
    assert secrets.find(Key(SECRET, _name(waypoint), "d/waypoint"), "") is None


def test_a_wrong_clock_signs_for_its_proxy_alone_until_it_is_right_again(tmp_path):
    a = _pod("a")
    scene = Scene(tmp_path, a, _pod("b", "two"))
    scene.ask(_name(a))
    met = [scene.lifetime(_name(a))]
    for hours in (48, -48, 0):
        assert scene.plane.skew("one", timedelta(hours=hours)) == 1
        assert scene.plane.skew("two", timedelta(hours=hours)) == 0
        scene.listen()
        assert scene.plane.secrets.outdated() == 0
        met.append(scene.lifetime(_name(a)))
    now = scene.clock()
    assert [begins <= now < ends for begins, ends in met] == [True, False, False, True]
    assert [begins > now for begins, _ in met] == [False, True, False, False]


def test_a_root_is_exchanged_whatever_the_clock_says(tmp_path):
    a = _pod("a")
    scene = Scene(tmp_path, a)
    scene.ask(_name(a), ROOTS)
    scene.plane.skew("one", timedelta(hours=48))
    scene.listen()
    scene.rotation.begin(scene.plane)
    for _ in range(4):
        scene.listen()
        scene.rotation.go_on(scene.plane)
    assert scene.rotation.authority.stage is Stage.STEADY
    assert scene.lifetime(_name(a))[0] > scene.clock()
