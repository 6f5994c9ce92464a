"""Random requests against what the prover says of small random meshes; `bench.brute_force` asks a million of them."""

from msgspec.structs import replace
from tests.prove.random_meshes import WORKLOADS, World
from tests.support.scenes import client, index

from sidestep.prove.outcome import Leave
from sidestep.prove.proof import Direction
from sidestep.prove.prover import Run, Terms
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Answers, Http, OutsideClient, SomebodyClient
from sidestep.semantics.somebody import guise_of

_NEW = (("new", "shop"), ("admin", "far"), ("desk", "shop"), ("x", "sp"), ("admin", "shp"), ("web", "s"), ("y", "ops"))
"""Accounts that nobody has, some of whom policies of a world name."""
_OUTSIDE = ("203.0.113.7", "10.1.0.200", "8.8.8.8")


class Seeded:
    """One random pair of meshes, proved; then any number of random requests.

    Args:
        seed: of the world.

    Attributes:
        asked: requests so far.
        differing: of them, those that both meshes answer otherwise.
        wrong: requests that differ in a direction that was not found.
    """

    def __init__(self, seed):
        self.world = World(seed)
        parts = self.world.mesh()
        before, after = (index(*self.world.objects(each)) for each in (parts, self.world.changed(parts)))
        self.run = Run(before, after, Terms(Leave.NOTHING))
        self._come = self._guises()
        self.ways, self.known = list(self.run.ways.all()), {}
        for way in self.ways:
            directions, undecided = self.known.setdefault((way.to, way.port), [set(), False])
            shown, open_ends = len(self.run.found), len(self.run.undecided)
            self.run.compare(way)
            directions |= {each.direction for each in self.run.found[shown:]}
            self.known[way.to, way.port][1] = undecided or len(self.run.undecided) > open_ends
        self.asked = self.differing = 0
        self.wrong = []

    def _guises(self):
        """As what somebody comes, by namespace; those of all under no name, none where nobody is in the mesh."""
        found = {}
        for each in self.run.ways.callers.all:
            pair = guise_of(each.before), guise_of(each.after)
            for space in ("", each.namespace) if None not in pair else ():
                found.setdefault(space, []).append(pair)
        return found

    def ask(self, requests):
        """Random payloads of random callers on random ways, as many as this."""
        chance, goal = self.world.chance, self.asked + requests
        while self.asked < goal:
            way, payload = self._from(chance.choice(self.ways)), self.world.payload()
            if not is_asked(way, payload):
                continue
            self.asked += 1
            told = self.run.direction(way, payload, Answers.UNSTATED)
            directions, undecided = self.known[way.to, way.port]
            if isinstance(told, Direction):
                self.differing += 1
                if told not in directions and not undecided:
                    self.wrong.append((way, payload, told))

    def _from(self, way):
        """The way as it is, from any workload, from somebody who may come, or from somebody outside."""
        chance = self.world.chance
        match chance.randrange(4):
            case 0:
                return way
            case 3 if self._come:
                name, space = chance.choice(_NEW)
                address, guises = chance.choice(_OUTSIDE), chance.choice(self._come.get(space, self._come[""]))
                before, after = (SomebodyClient(space, name, guise, address) for guise in guises)
                return replace(way, client=before, words=str(before), other=after)
            case 1:
                name, space = chance.choice(WORKLOADS)
                anybody = client(f"{space}/{name}")
            case _:
                anybody = OutsideClient(chance.choice(_OUTSIDE))
        return replace(way, client=anybody, words=str(anybody), other=anybody)


def is_asked(way, payload):
    """Whether the proof speaks of it: ports get what they declare, and Host names what is dialled."""
    if isinstance(payload, Http):
        return way.protocol is not Declared.TCP and payload.authority == ""
    return way.protocol is not Declared.HTTP
