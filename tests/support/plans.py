"""Plans made by hand, for whatever renders them: one with everything in it, an empty one, one with nasty names, a large one."""

from msgspec.structs import replace
from tests.support.audits import NASTY

from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Edge, Evidence, call_graph
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.model.prices import Rate
from sidestep.plan.blockers import Blocker
from sidestep.plan.document import (
    Confidence,
    Constraint,
    Exposure,
    Fate,
    Money,
    Plan,
    Reason,
    Wave,
    WorkloadPlan,
)
from sidestep.plan.prerequisites import Prerequisite
from sidestep.plan.steps import (
    Apply,
    Comparison,
    Delete,
    Effect,
    Gate,
    Patch,
    Probe,
    Restart,
    SetLabels,
    Step,
    Wait,
    WaitFor,
    reverse,
)
from sidestep.plan.waypoints.demand import ServiceLoad
from sidestep.plan.waypoints.existing import Bounds, ExistingWaypoint
from sidestep.plan.waypoints.manifests import Installation, manifests
from sidestep.plan.waypoints.needs import Scope, Terms, WaypointNeed
from sidestep.plan.waypoints.placement import PlacedWaypoint, place
from sidestep.semantics.versions import given_version

CART = WorkloadRef("shop", "Deployment", "cart")
CHECKOUT = WorkloadRef("shop", "Deployment", "checkout")
LEDGER = WorkloadRef("bank", "StatefulSet", "ledger")
BRIDGE = WorkloadRef("legacy", "Deployment", "bridge")
NIGHTLY = WorkloadRef("shop", "CronJob", "nightly")
EDGE = WorkloadRef("istio-ingress", "Deployment", "edge")
POLICY = ObjectId("security.istio.io/v1", "AuthorizationPolicy", "shop", "cart-readers")
FILTER = ObjectId("networking.istio.io/v1alpha3", "EnvoyFilter", "legacy", "limits")
SHOP = ObjectId("v1", "Namespace", "", "shop")
BANK = ObjectId("v1", "Namespace", "", "bank")
AMBIENT, INJECTION = "istio.io/dataplane-mode", "istio-injection"


def policy(name: str = "cart-readers", **spec) -> dict:
    """An AuthorizationPolicy as it would be applied."""
    kind = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy"}
    rules = [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/checkout"]}}]}]
    return {
        **kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"action": "ALLOW", "rules": rules, **spec},
    }


def waypoints() -> tuple[PlacedWaypoint, ...]:
    """One new, sized from measured load, and one that the mesh has."""
    needs = (
        WaypointNeed(ServiceLoad("shop", "cart", 900.0, connections=10, measured=True)),
        WaypointNeed(ServiceLoad("shop", "checkout", 300.0, measured=True)),
        WaypointNeed(ServiceLoad("bank", "ledger")),
    )
    there = ExistingWaypoint("bank", "waypoint", "service", 2, None, Bounds(2, 4), admits=("bank",))
    return place(needs, Scope.AUTO, Rate(0.03125, 0.004188), Terms(existing=(there,)))


def calls() -> CallGraph:
    """The edge calls checkout, which calls cart and the bank; whom the bridge calls was only inferred."""
    return call_graph(
        [
            Edge(
                _caller(EDGE, CallerRole.GATEWAY), _callee(CHECKOUT), 900.0, protocol="http", evidence=Evidence.METRICS
            ),
            Edge(_caller(CHECKOUT), _callee(CART), 900.0, protocol="http", evidence=Evidence.METRICS),
            Edge(_caller(CHECKOUT), _callee(LEDGER), 42.0, protocol="grpc", evidence=Evidence.METRICS),
            Edge(_caller(LEDGER), _callee(BRIDGE), protocol="tcp", proofs=("Deployment bank/ledger: env BRIDGE",)),
            Edge(_caller(BRIDGE), Callee(host="host.acme.test")),
        ]
    )


def plan() -> Plan:
    """Three waves and what goes before them, with two waypoints, a window, and what stays."""
    steps = (*_preparing(), *_first(), *_second(), *_third())
    return Plan(
        "cluster prod",
        "1.29.2",
        "0.1.0",
        "Four of five workloads leave their sidecars in three waves. One stays, and why is said below.",
        _workloads(),
        waypoints(),
        tuple(_wave(number, steps) for number in range(4)),
        steps,
        (
            Exposure(
                2, "w02-040", "w02-060", "POST from shop/checkout to shop/cart would be let in", 45, policy("cart-deny", action="DENY")
            ),
            Exposure(3, "w03-010", "", "what legacy/bridge asks of bank/ledger passes its waypoint by"),
        ),
        (
            Prerequisite("istiod-version", True, "istiod 1.29.2"),
            Prerequisite("gateway-api", False, "GatewayClass istio-waypoint is not there", "install the Gateway API 1.3"),
            Prerequisite("cni-chained", None, "nodes were not read", "see that istio-cni is chained"),
        ),
        (
            Blocker(
                "envoy-filter", FILTER, "spec.configPatches", "ztunnel is no Envoy, and what it limits is unlimited",
                "say it with a Telemetry or WasmPlugin at a waypoint, or keep the sidecars",
            ),
        ),
        Money(27.0, 61.5, 310.25),
        ("Istio 1.30 merges VirtualServices at waypoints",),
        ("traffic of bank/ledger was not measured",),
        ("secrets: nobody reads them",),
    )  # fmt: skip


def empty() -> Plan:
    """Of a mesh in which nobody has a sidecar."""
    return Plan("files empty/", "1.29.2", "0.1.0", "Nobody has a sidecar.")


def nasty() -> Plan:
    """The same plan with names and words that try to be markup, paths, commands and escapes."""
    trick = f"../../etc/{NASTY}$(touch /tmp/x);`id`"
    bad = ObjectId("v1\n- x", f"Thing{NASTY}", trick, trick)
    ref = WorkloadRef(trick, f"Kind {NASTY}", trick)
    effects = [
        SetLabels(bad, {NASTY: NASTY, "b": None}, {NASTY: None, "b": NASTY}),
        Patch(bad, {"spec": {NASTY: [NASTY]}}, {"spec": {NASTY: None}}),
        Apply(bad, {"apiVersion": NASTY, "kind": NASTY, "metadata": {"name": trick}}),
        Delete(bad, {"apiVersion": NASTY, "kind": NASTY, "metadata": {"name": trick}}),
        Restart(ref, 3),
        *(Wait(what, trick, 5) for what in WaitFor),
        Gate(NASTY, f"sum(x)\n```\n{NASTY}", Comparison.AT_MOST, 0.01),
        Probe(trick, trick, 80, "GET", trick),
    ]
    steps = tuple(
        Step(f"../{NASTY}{at}", 1, each, NASTY, (NASTY,), NASTY, (), (bad,)) for at, each in enumerate(effects)
    )
    wave = Wave(
        1, NASTY, (ref,), 3, (Constraint(NASTY, (bad,)),), NASTY, Money(1, 2, 3), tuple(step.id for step in steps),
        tuple(step.id for step in reversed(steps) if reverse(step.effect)),
    )  # fmt: skip
    row = WorkloadPlan(
        ref,
        3,
        NASTY,
        Fate.REWORK,
        Confidence.LOW,
        (Reason(NASTY, bad, NASTY, ("D05", "../D")),),
        (NASTY,),
        NASTY,
        NASTY,
    )
    exposure = Exposure(1, steps[0].id, steps[1].id, NASTY, 3, {"kind": NASTY})
    return replace(
        plan(), source=NASTY, summary=NASTY, workloads=(row,), waves=(wave,), steps=steps, exposures=(exposure,),
        prerequisites=(Prerequisite(NASTY, False, NASTY, NASTY),), blockers=(Blocker(NASTY, bad, NASTY, NASTY, NASTY),),
        advice=(NASTY,), assumed=(NASTY,), missing=(NASTY,),
    )  # fmt: skip


def large(workloads: int = 2_000) -> Plan:
    """So many workloads, fifty to a wave."""
    refs = [WorkloadRef(f"team-{index % 40:02}", "Deployment", f"service-{index:04}") for index in range(workloads)]
    steps, waves = [], [Wave(0, "Prepare")]
    for start in range(0, workloads, 50):
        number = start // 50 + 1
        part = [
            Step(f"w{number:02}-{at * 10:03}", number, Restart(ref, 3), f"Restart {ref}")
            for at, ref in enumerate(refs[start : start + 50], 1)
        ]
        steps += part
        ids = tuple(step.id for step in part)
        waves.append(
            Wave(number, f"Wave {number}", tuple(refs[start : start + 50]), 150, steps=ids, rollback=ids[::-1])
        )
    rows = tuple(
        WorkloadPlan(ref, 3, "classic sidecar", Fate.AMBIENT, Confidence.HIGH, wave=index // 50 + 1)
        for index, ref in enumerate(refs)
    )
    return replace(empty(), workloads=rows, waves=tuple(waves), steps=tuple(steps))


def _caller(ref: WorkloadRef, role: CallerRole = CallerRole.WORKLOAD) -> Caller:
    return Caller(role, ref.namespace, ref.kind, ref.name)


def _callee(ref: WorkloadRef) -> Callee:
    return Callee(ref.namespace, ref.kind, ref.name, ref.namespace, ref.name)


def _step(identity: str, effect: Effect, description: str, **fields) -> Step:
    return Step(identity, int(identity[1:3]), effect, description, **fields)


def _preparing() -> tuple[Step, ...]:
    objects = manifests(waypoints()[1], Installation(given_version("1.29"))).objects
    applied = [
        Apply(ObjectId(each["apiVersion"], each["kind"], "shop", each["metadata"]["name"]), each) for each in objects
    ]
    return (
        _step("w00-010", Wait(WaitFor.DAEMONSETS_READY, "istio-system/ztunnel", 300), "Wait for ztunnel on every node"),
        *(
            _step(f"w00-0{at}0", each, f"Apply {each.object}", because=(POLICY,), predicts="nobody uses it yet")
            for at, each in enumerate(applied, 2)
        ),
        _step(
            "w00-040", Wait(WaitFor.WAYPOINT_READY, "shop/waypoint", 180), "Wait for the waypoint", after=("w00-030",)
        ),
    )


def _first() -> tuple[Step, ...]:
    enrol = SetLabels(
        ObjectId("apps/v1", "Deployment", "shop", "cart"), {AMBIENT: "ambient", "sidecar.istio.io/inject": "false"},
        {AMBIENT: None, "sidecar.istio.io/inject": None}, template=True,
    )  # fmt: skip
    return (
        _step("w01-010", enrol, "Enrol cart", preconditions=("the waypoint is ready",), predicts="its pods are rolled"),
        _step("w01-020", Restart(CART, 3, effect_only=True), "Wait until cart has rolled out", after=("w01-010",)),
        _step("w01-030", Wait(WaitFor.CAPTURED, "Deployment shop/cart", 120), "Wait until ztunnel captures cart"),
        _step("w01-040", Probe("shop/checkout", "cart.shop.svc.cluster.local", 8080, "GET", "/items"), "Ask for the items"),
        _step("w01-050", Probe("bank/ledger", "cart.shop.svc.cluster.local", 8080, expect="deny"), "Ask as a stranger"),
        _step(
            "w01-060", Gate("error-rate", 'sum(rate(istio_requests_total{reporter="destination"}[$window]))', Comparison.AT_MOST, 0.01),
            "Measure errors",
        ),
    )  # fmt: skip


def _second() -> tuple[Step, ...]:
    old = policy(selector={"matchLabels": {"app": "cart"}})
    bound = SetLabels(
        ObjectId("v1", "Service", "shop", "cart"),
        {"istio.io/use-waypoint": "waypoint"},
        {"istio.io/use-waypoint": None},
    )
    route = Patch(
        ObjectId("v1", "Service", "shop", "checkout"),
        {
            "metadata": {"annotations": {"x": None}},
            "spec": {"ports": [{"name": "http", "port": 80, "appProtocol": "http"}]},
        },
        {"metadata": {"annotations": {"x": "y"}}, "spec": {"ports": [{"name": "web", "port": 80}]}},
    )
    return (
        _step("w02-010", Apply(ObjectId(*_id("cart-readers-l7")), policy("cart-readers-l7", targetRefs=[{"kind": "Service", "group": "", "name": "cart"}])), "Apply the twin for the waypoint", because=(POLICY,)),
        _step("w02-020", bound, "Bind cart to its waypoint"),
        _step("w02-030", Wait(WaitFor.WAYPOINT_BOUND, "Service shop/cart", 60), "Wait until it is bound"),
        _step("w02-040", Delete(POLICY, {**old, "metadata": {**old["metadata"], "resourceVersion": "7", "uid": "u"}}), "Delete the policy for the sidecar"),
        _step("w02-050", route, "Name the protocol of checkout's port"),
        _step("w02-060", SetLabels(SHOP, {AMBIENT: "ambient", INJECTION: None}, {AMBIENT: None, INJECTION: "enabled"}), "Enrol shop"),
        _step("w02-070", Restart(CHECKOUT, 2), "Restart checkout", after=("w02-060",)),
        _step("w02-080", Restart(NIGHTLY, 0), "Let the next run of nightly come without a sidecar"),
        _step("w02-090", Wait(WaitFor.SIDECARS_GONE, "shop", 300), "Wait until no sidecar is left"),
        _step("w02-100", Wait(WaitFor.POLICY_ACCEPTED, "AuthorizationPolicy shop/cart-readers-l7", 60), "Wait for the policy"),
    )  # fmt: skip


def _third() -> tuple[Step, ...]:
    before = policy("ledger", action="ALLOW")
    return (
        _step("w03-010", SetLabels(BANK, {AMBIENT: "ambient"}, {AMBIENT: None}), "Enrol bank"),
        _step("w03-020", Restart(LEDGER, 2), "Restart ledger", after=("w03-010",)),
        _step("w03-030", Wait(WaitFor.ROLLED_OUT, "StatefulSet bank/ledger", 600), "Wait until ledger has rolled out"),
        _step(
            "w03-040", Apply(ObjectId(*_id("ledger")), policy("ledger", action="DENY"), before), "Tighten the policy"
        ),
    )


def _id(name: str) -> tuple[str, str, str, str]:
    return ("security.istio.io/v1", "AuthorizationPolicy", "shop", name)


def _wave(number: int, steps: tuple[Step, ...]) -> Wave:
    titles = ("Prepare", "Leaves nobody depends on", "The rest of shop", "The bank")
    moved = ((), (CART,), (CHECKOUT, NIGHTLY), (LEDGER,))
    own = [step for step in steps if step.wave == number]
    back = own[::-1]
    return Wave(
        number,
        titles[number],
        moved[number],
        (0, 3, 2, 2)[number],
        (Constraint("cart is called by checkout alone", (POLICY,)),) if number == 1 else (),
        ("", "team-shop", "team-shop", "team-bank")[number],
        (Money(380.0, 60.0, -60.0), Money(290.0, 60.0, 30.0), Money(27.0, 60.0, 200.0), Money(27.0, 61.5, 310.25))[
            number
        ],
        tuple(step.id for step in own),
        tuple(step.id for step in sorted(back, key=_restarts) if reverse(step.effect)),
    )


def _restarts(step: Step) -> bool:
    """They take effect after what was taken back before them."""
    return isinstance(step.effect, Restart)


def _workloads() -> tuple[WorkloadPlan, ...]:
    layer7 = Reason(
        "an AuthorizationPolicy matches methods", POLICY, "spec.rules[0].to[0].operation.methods", ("D05", "D06")
    )
    native, classic = "native sidecar", "classic sidecar"
    return (
        WorkloadPlan(LEDGER, 2, classic, Fate.AMBIENT, Confidence.LOW, (Reason("its traffic was not measured"),), ("D03",), wave=3),
        WorkloadPlan(BRIDGE, 1, classic, Fate.SIDECAR, Confidence.HIGH, (Reason("an EnvoyFilter limits its requests", FILTER, "spec.configPatches", ("D57",)),), ("D57",), "say it with a WasmPlugin at a waypoint"),
        WorkloadPlan(CART, 3, native, Fate.WAYPOINT, Confidence.HIGH, (layer7,), ("D05", "D06"), wave=1),
        WorkloadPlan(CHECKOUT, 2, native, Fate.AMBIENT, Confidence.MEDIUM, wave=2, override="--force by sre@acme.test"),
        WorkloadPlan(NIGHTLY, 0, native, Fate.AMBIENT, Confidence.HIGH, wave=2),
        WorkloadPlan(WorkloadRef("shop", "Deployment", "old"), 1, classic, Fate.REWORK, Confidence.HIGH, (Reason("its script calls the sidecar's port 15020"),), (), "take the call out of its preStop hook"),
        WorkloadPlan(WorkloadRef("web", "Deployment", "static"), 4, "no sidecar", Fate.NONE, Confidence.HIGH),
    )  # fmt: skip
