"""What a waypoint does not take is told by object and field, and it gets everything else."""

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse
from tests.controlplane.generators.waypoint.test_plan import pod
from tests.support.ads import Clock
from tests.support.waypoint_mesh import bound, gateway_of, route_of, service_of

from sidestep.controlplane.ads.catalogue import Catalogue
from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.ads.secrets import Secrets
from sidestep.controlplane.ca.authority import Authority
from sidestep.controlplane.generators import SCOPED_ROUTES
from sidestep.controlplane.generators.waypoint import WaypointGenerator
from sidestep.controlplane.registry.registry import Change, Registry
from sidestep.controlplane.rotation import Rotation
from sidestep.controlplane.tokens import Proxy

_BAD = "b.default.svc.cluster.local|80"


def test_one_bad_route_is_named_and_the_others_arrive(tmp_path):
    clock, registry = Clock(), Registry()
    services = [bound(service_of(name, f"10.96.0.{at + 1}", ("http", 80))) for at, name in enumerate("abcd")]
    routes = [route_of(f"r-{name}", name, {"backendRefs": [{"name": name, "port": 80}]}) for name in "ab"]
    told = {"gateway.networking.k8s.io/gateway-name": "waypoint"}
    registry.apply(map(Change.to, (gateway_of("waypoint", {}), *services, *routes, pod("waypoint-0", told))))
    rotation = Rotation(Authority.new("cluster.local", clock()), tmp_path, clock)
    secrets = Secrets(registry.index, rotation.trust, clock, lambda: 0.5)
    plane = Plane(registry.index, {"waypoint": WaypointGenerator()}, secrets)
    connection = plane.open(Proxy("waypoint", "default/waypoint-0"), lambda: None)
    connection.session.hear(DeltaDiscoveryRequest(type_url=SCOPED_ROUTES))
    taken: set[str] = set()
    while (said := connection.say()) is not None:
        response = DeltaDiscoveryResponse.FromString(said)
        names = {each.name for each in response.resources}
        answer = DeltaDiscoveryRequest(type_url=SCOPED_ROUTES, response_nonce=response.nonce)
        if _BAD in names:
            answer.error_detail.message = "no such thing"
        else:
            taken |= names
        plane.hear(connection, connection.session.hear(answer), 0)
    assert taken == {f"{name}.default.svc.cluster.local|80" for name in "acd"}
    [finding] = plane.findings
    assert (finding.rejection.names, finding.rejection.reason) == ((_BAD,), "no such thing")
    assert finding.objects == ("HTTPRoute default/r-b: rules[0]",)
    [said] = plane.remarks()
    assert said == "HTTPRoute default/r-b: rules[0]: default/waypoint-0 does not take it: no such thing"


def test_a_rule_that_cannot_be_told_is_named_with_its_field():
    generator, registry = WaypointGenerator(), Registry()
    match = {"path": {"type": "RegularExpression", "value": "/(["}}
    route = route_of("r", "a", {"matches": [match], "backendRefs": [{"name": "a", "port": 80}]})
    registry.apply(
        map(Change.to, (gateway_of("waypoint", {}), bound(service_of("a", "10.96.0.1", ("http", 80))), route))
    )
    Catalogue(generator, registry.index).fill()
    [remark] = [str(each) for told in generator.remarks.values() for each in told]
    assert remark.startswith("HTTPRoute default/r: rules[0] matches[0]: an expression that RE2 refuses")
