"""Meshes and requests by chance, the same for the same seed."""

from random import Random

from tests.lab.fidelity.layer7.further import entries, ingress, rebound, written
from tests.lab.fidelity.layer7.policies import policies
from tests.lab.fidelity.layer7.population import ADMITTED, PODS, mode_of, pods_of, population
from tests.lab.fidelity.layer7.routes import HEADERS, METHODS, PATHS, RPC, routes, services, sidecars
from tests.lab.fidelity.meshes import Case, Object, Question, Sent
from tests.lab.fidelity.tokens import TOKENS

PER_POPULATION = 10
"""Meshes that share their pods: making those takes longest."""


def case(seed: int, number: int, size: int) -> Case:
    """One of a seed's meshes, with so many requests."""
    pods = population(Random(f"{seed}/{number // PER_POPULATION}/7"))  # noqa: S311 - nothing is secret here
    chance = Random(f"{seed}/{number}/requests")  # noqa: S311
    made = services(chance)
    objects = [*pods, *made, *routes(chance, made), *sidecars(chance), *policies(chance, made)]
    rare = Random(f"{seed}/{number}/further")  # noqa: S311
    known = entries(rare)
    objects += [*written(rare, made), *known, *ingress(rare)]
    rebound(rare, made)
    questions = [_question(chance, pods, made) for _ in range(size)]
    knowing = _knowing(objects, pods) if known else ()
    asked = [_to_entry(rare, pods, known, knowing) if knowing and rare.random() < 0.1 else each for each in questions]
    return Case(tuple(objects), tuple(asked), apart=True)


def _question(chance: Random, pods: list[Object], made: list[Object]) -> Question:
    client, kind = _client(chance, pods), chance.random()
    service = chance.choice(made)
    meta = service["metadata"]
    if kind < 0.1:
        host = chance.choice((f"{meta['name']}.example",) * 5 + ("nobody.example",))
        return Question("plain/job-v1:0", host, 80, sent=_sent(chance, host=host, gateway=True))
    if kind < 0.2:
        space, name, _ = chance.choice(PODS)
        port = chance.choice((8080, 8080, 9090))
        return Question(client, f"<{space}/{name}:0>", port, sent=_sent(chance))
    port = chance.choice(service["spec"]["ports"])["port"]
    forms = (f"{meta['name']}.{meta['namespace']}", f"{meta['name']}.{meta['namespace']}.svc.cluster.local")
    if port == RPC:
        return Question(client, chance.choice(forms), port, sent=_call(chance))
    vip = f"<vip {meta['namespace']}/{meta['name']}>"
    dialled = vip if chance.random() < 0.1 and service["spec"].get("clusterIP") != "None" else chance.choice(forms)
    host = ""
    if chance.random() < 0.15 or dialled == vip:
        other = chance.choice(made)["metadata"]
        host = chance.choice((forms[0], forms[0], f"{other['name']}.{other['namespace']}", "outside.example"))
    return Question(client, dialled, port, sent=_sent(chance, host=host))


def _knowing(objects: list[Object], pods: list[Object]) -> tuple[str, ...]:
    """Kinds of pods that know every ServiceEntry."""
    scoped = any(each["kind"] == "Sidecar" and "egress" in each["spec"] for each in objects)
    wanted = {"ambient"} if scoped else {"ambient", "sidecar"}
    return tuple(sorted(wanted & {mode_of(each) for each in pods_of(pods)}))


def _client(chance: Random, pods: list[Object], *modes: str) -> str:
    deployments = [each for each in pods_of(pods) if not modes or mode_of(each) in modes]
    names = [f"{each['metadata']['namespace']}/{each['metadata']['name']}:0" for each in deployments]
    weights = [1 if mode_of(each) == "none" else 4 for each in deployments]
    return chance.choices(names, weights)[0]


def _to_entry(chance: Random, pods: list[Object], known: list[Object], modes: tuple[str, ...]) -> Question:
    """By its address, for its name is known to captured pods' DNS alone; who does not know that waits for nobody."""
    spec = chance.choice(known)["spec"]
    port, host = chance.choice(spec["ports"])["number"], spec["hosts"][0]
    return Question(_client(chance, pods, *modes), spec["addresses"][0], port, sent=_sent(chance, host=host))


def _headers(chance: Random) -> dict[str, str]:
    found = {name: chance.choice(HEADERS[name]) for name in sorted(HEADERS) if chance.random() < 0.3}
    return {**found, **({ADMITTED: "allow"} if chance.random() < 0.5 else {})}


def _token(chance: Random) -> str:
    return chance.choice(sorted(TOKENS)) if chance.random() < 0.35 else ""


def _sent(chance: Random, *, host: str = "", gateway: bool = False) -> Sent:
    method = chance.choices(METHODS, (6, 3, 1))[0]
    return Sent(method, chance.choice(PATHS), host, _headers(chance), _token(chance), gateway=gateway)


def _call(chance: Random) -> Sent:
    path = chance.choice(("/shop.Cart/Get", "/shop.Cart/Put", "/shop.Other/Get"))
    return Sent("POST", path, "", _headers(chance), _token(chance), grpc=True)
