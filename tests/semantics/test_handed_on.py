"""An index that is made like another one finds what one that is made anew finds, whatever has changed."""

import pytest
from tests.plan.test_no_gaps import GRAPH, SCENES
from tests.prove.faults import faults, faulty
from tests.prove.random_meshes import World
from tests.support.scenes import index

from sidestep.actions.memory import states
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.semantics.authorization.attachment import GatewayTarget
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Mode
from sidestep.sources.prices import load_prices


def of_pods(found, pods):
    """Everything that an index knows of pods."""
    at_waypoint = found.workload_waypoint(pods)
    return (
        pods,
        found.principal(pods),
        found.in_front_of(pods),
        at_waypoint,
        found.waypoint_in_front_of(pods),
        found.peer_levels(pods),
        found.applied_policies(pods),
        found.sidecar_request_policies(pods),
        found.ztunnel_policies(pods) if pods.mode is Mode.AMBIENT else None,
    )


def of_service(found, service):
    """Everything that an index knows of a Service."""
    bound = found.waypoint_of(service)
    gateway = GatewayTarget(bound.namespace, bound.name) if bound else None
    at_waypoint = found.waypoint_policies(gateway, service, Chain.HTTP) if gateway else None
    bounds = found.routing.bounds(found.host(service))
    return service, found.behind(service), bound, at_waypoint, [bound.object for bound in bounds]


def everything(found):
    """All that one can ask of an index, in the order in which it tells it."""
    groups = [each for group in found.workloads.values() for each in group]
    return (
        list(found.workloads),
        {space: own for space, own in found.by_namespace.items() if own},
        found.by_address,
        [of_pods(found, each) for each in groups],
        [of_service(found, each) for each in found.services.services],
        found.pod_waypoints,
        found.routed_alone,
        found.assumptions,
    )


def follow(meshes, version):
    last = MeshIndex.of(meshes[0], version)
    everything(last)
    for mesh in meshes[1:]:
        last = MeshIndex.of(mesh, version, like=last)
        assert everything(last) == everything(MeshIndex.of(mesh, version))


@pytest.mark.parametrize("name", SCENES)
def test_on_the_way_of_a_plan(name):
    today = index(*SCENES[name])
    plan = make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))
    follow([today.mesh, *(mesh for _, mesh in states(plan, today.mesh))], today.settings.version)


@pytest.mark.parametrize("seed", range(30))
def test_after_whatever_becomes_of_a_mesh(seed):
    world = World(seed)
    today = index(*world.objects(world.guarded()))
    found = [today.mesh]
    for _ in range(5):
        effects = [effect for _, effect in faults(found[-1])]
        if effects:
            found.append(faulty(found[-1], world.chance.choice(effects)))
    follow(found, today.settings.version)
