"""`sidestep prove` as a user runs it: exit codes, forms, revisions, plans, accepted differences, invariants, bad input."""

import json
from pathlib import Path

import pytest
import yaml
from tests.cli.test_explain import SHOP
from tests.sources.test_git_revision import commit, git
from tests.support.commands import on_terminal, sidestep
from tests.support.scenes import m, pods, policy, service

AMBIENT = SHOP.replace("istio-injection: enabled", "istio.io/dataplane-mode: ambient")
SHUT = SHOP.replace("methods: [GET]", "methods: [HEAD]")
STRANGE = SHOP.replace("to: [{operation: {methods: [GET]}}]", "when: [{key: 'request.headers[x-a]', values: [a, b]}]")
STRANGER = STRANGE.replace("[a, b]", "[a, b, c]")
CLOSED = SHOP.partition("  rules:")[0]
INVARIANTS = "apiVersion: sidestep.dev/v1\nkind: Invariants\ninvariants:\n- {}\n"
ACCEPTED = """\
apiVersion: sidestep.dev/v1
kind: AcceptedDifferences
accepted:
- {{direction: {}, scope: {{destination: {}}}, reason: agreed, owner: team-shop, expires: {}}}
"""


@pytest.fixture
def shop(tmp_path):
    meshes = {"shop": SHOP, "ambient": AMBIENT, "shut": SHUT, "strange": STRANGE, "stranger": STRANGER}
    for name, text in meshes.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def proved(*arguments, code, **more):
    done = sidestep("prove", *arguments, "-o", "json", **more)
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_equal_differs_and_undecided_have_codes_of_their_own(shop):
    same = proved(shop / "shop.yaml", shop / "shop.yaml", code=0)
    assert (same["kind"], same["verdict"], same["counterexamples"]) == ("Proof", "equal", [])
    assert same["ways"] > 0
    assert same["requests"] > 0
    other = proved("--before", shop / "shop.yaml", "--after", shop / "shut.yaml", code=3)
    assert {each["direction"] for each in other["counterexamples"]} == {"open", "closed"}
    assert all(each["before"]["path"] and each["after"]["why"] for each in other["counterexamples"])
    small = (shop / "strange.yaml", shop / "stranger.yaml", "--budget", "1")
    unknown = proved(*small, code=4)
    assert unknown["verdict"] == "undecided"
    assert any("budget" in each["reason"] for each in unknown["undecided"])
    assert proved(*small, "--allow-undecided", code=0)["verdict"] == "undecided"


def test_several_files_make_one_mesh(shop):
    first, second = SHOP.split("---\napiVersion: security", 1)
    (shop / "apps.yaml").write_text(first)
    (shop / "policies.yaml").write_text(f"apiVersion: security{second}")
    parts = ("--before", shop / "apps.yaml", "--before", shop / "policies.yaml")
    assert proved(*parts, "--after", shop / "shop.yaml", code=0)["verdict"] == "equal"


def test_stdin_is_a_mesh(shop):
    assert proved("-", shop / "shop.yaml", code=0, feed=SHOP)["compared"] == ["-", str(shop / "shop.yaml")]


def test_only_the_namespaces_that_are_asked_for(shop):
    assert proved(shop / "shop.yaml", shop / "shut.yaml", "-n", "other", code=0)["ways"] == 0
    assert proved(shop / "shop.yaml", shop / "shut.yaml", "-n", "shop", code=3)["ways"] > 0


def test_revisions_of_one_repository(tmp_path, monkeypatch):
    (tmp_path / "mesh").mkdir()
    git(tmp_path, "init", "-q", "-b", "main")
    for text in (SHOP, SHUT):
        (tmp_path / "mesh" / "shop.yaml").write_text(text)
        commit(tmp_path, "a mesh")
    (tmp_path / "mesh" / "shop.yaml").write_text("{{{")
    monkeypatch.chdir(tmp_path)
    found = proved("git:HEAD~1", "git:main:mesh", code=3)
    assert found["compared"] == ["git:HEAD~1", "git:main:mesh"]
    assert any(each["origin"]["path"].startswith("git:") for each in found["objects"])
    assert proved("git:HEAD", "git:HEAD", code=0)["verdict"] == "equal"
    sarif = json.loads(sidestep("prove", "git:HEAD~1", "git:HEAD", "-o", "sarif").stdout)
    places = {
        place["physicalLocation"]["artifactLocation"]["uri"]
        for result in sarif["runs"][0]["results"]
        for place in result["locations"]
    }
    assert "mesh/shop.yaml" in places
    done = sidestep("prove", "git:HEAD", "git:nope")
    assert (done.returncode, "git:nope" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_every_state_on_the_way_of_a_plan(shop):
    found = proved("--plan", "labels", "--from", shop / "shop.yaml", code=3)
    assert found["states"] == len(found["compared"]) - 1 > 0
    steps = {each["step"] for each in found["counterexamples"]}
    assert steps <= set(found["compared"][1:])
    plan = shop / "plan.json"
    assert sidestep("plan", "--from", shop / "shop.yaml", "-o", "json", "--out", plan).returncode == 0
    by_file = sidestep("prove", "--plan", plan, "--from", shop / "shop.yaml", "-o", "json")
    made = sidestep("prove", "--plan", "planned", "--from", shop / "shop.yaml", "-o", "json")
    assert by_file.returncode == made.returncode
    assert json.loads(by_file.stdout)["compared"] == json.loads(made.stdout)["compared"]
    end = proved("--plan", plan, "--end-only", "--from", shop / "shop.yaml", code=0)
    assert end["compared"][1:] == json.loads(made.stdout)["compared"][-1:]
    done = sidestep("prove", "--plan", plan, "--from", shop / "ambient.yaml")
    assert (done.returncode, "does not fit" in done.stderr) == (1, True), done.stderr


def test_a_counterexample_on_the_way_has_a_command_and_one_within_a_step_has_none(tmp_path):
    """Labels capture pods at once, and the route of a sidecar is gone with it."""
    timed = {"timeout": "2s", "route": [{"destination": {"host": "cart"}}]}
    route = m.o.istio("VirtualService", "cart", "shop", {"hosts": ["cart"], "http": [timed]})
    running = [*pods("web"), *pods("cart"), service("cart"), route]
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text(yaml.safe_dump_all(running))
    found = sidestep("prove", "--plan", "labels", "--from", mesh, "-o", "json")
    document = json.loads(found.stdout)
    assert any("some pods of each workload done" in name for name in document["compared"]), found.stderr
    commands = {each["step"]: each["command"] for each in document["counterexamples"] if not each["accepted"]}
    assert commands
    for step, command in commands.items():
        assert ("(" in step) is (command == [])
        if command:
            asked = sidestep("explain", *command, "-o", "json")
            assert json.loads(asked.stdout)["states"][-1]["state"] in (step, "labels alone", "labels"), asked.stderr


@pytest.mark.parametrize(
    ("direction", "scope", "expires", "code", "finding"),
    [
        ("closed", "shop/cart", "2999-01-01", 0, []),
        ("closed", "shop/*", "2999-01-01", 0, []),
        ("closed", "other/*", "2999-01-01", 3, ["SID402"]),
        ("open", "shop/cart", "2999-01-01", 3, ["SID402"]),
        ("closed", "shop/cart", "2020-01-01", 3, ["SID401"]),
    ],
)
def test_accepted_differences(shop, direction, scope, expires, code, finding):
    (shop / "closed.yaml").write_text(CLOSED)
    (shop / "accepted.yaml").write_text(ACCEPTED.format(direction, scope, expires))
    both = (shop / "shop.yaml", shop / "closed.yaml")
    found = proved("--before", both[0], "--after", both[1], "--accept", shop / "accepted.yaml", "-n", "shop", code=code)
    if direction == "closed" and code == 0:
        assert all("agreed" in each["accepted"] for each in found["counterexamples"])
    assert [each["code"] for each in found["findings"]] == finding


def test_presets(shop):
    (shop / "closed.yaml").write_text(CLOSED)
    both = (shop / "shop.yaml", shop / "closed.yaml")
    assert {each["direction"] for each in proved(*both, code=3)["counterexamples"]} == {"closed"}
    found = proved(*both, "--accept-preset", "closed", code=0)
    assert found["counterexamples"]
    assert "accepted" in sidestep("prove", *both, "--accept-preset", "closed").stdout


def test_the_first_difference_is_enough_for_who_says_so(shop):
    both = (shop / "shop.yaml", shop / "shut.yaml")
    (shop / "accepted.yaml").write_text(ACCEPTED.format("closed", "'*'", "2099-01-01"))
    every = proved(*both, "--accept", shop / "accepted.yaml", code=3)
    first = proved(*both, "--accept", shop / "accepted.yaml", "--fail-fast", code=3)
    assert (every["endedEarly"], first["endedEarly"]) == (False, True)
    assert first["ways"] < every["ways"]
    assert [each["direction"] for each in first["counterexamples"] if not each["accepted"]] == ["open"]
    assert "nothing more was asked" in sidestep("prove", *both, "--fail-fast").stdout
    same = proved(both[0], both[0], "--fail-fast", code=0)
    assert (same["endedEarly"], same["ways"]) == (False, proved(both[0], both[0], code=0)["ways"])


def test_an_entry_is_not_stale_because_a_proof_ended_early(shop):
    (shop / "accepted.yaml").write_text(ACCEPTED.format("route", "nothing/*", "2099-01-01"))
    options = (shop / "shop.yaml", shop / "shut.yaml", "--accept", shop / "accepted.yaml")
    assert [each["code"] for each in proved(*options, code=3)["findings"]] == ["SID402"]
    assert not proved(*options, "--fail-fast", code=3)["findings"]


def test_of_a_plan_the_first_state_that_differs_is_enough(shop):
    plan = ("--plan", "labels", "--from", shop / "shop.yaml", "--strict", "all", "--accept-preset", "none")
    every, first = proved(*plan, code=3), proved(*plan, "--fail-fast", code=3)
    assert len(first["compared"]) < len(every["compared"])
    assert {each["step"] for each in first["counterexamples"]} == {first["compared"][-1]}
    commands = {tuple(each["command"]) for each in every["counterexamples"]}
    assert all(tuple(each["command"]) in commands for each in first["counterexamples"]), "the state that was asked"


@pytest.mark.parametrize(
    ("text", "code", "standing"),
    [
        ("nobody except shop/web reaches shop/cart", 0, "holds"),
        ("only GET reaches cart", 0, "holds"),
        ("only POST reaches cart", 3, "violated"),
        ("shop/web reaches cart with GET", 0, "holds"),
        ("nobody reaches shop/nothing", 4, "undecided"),
    ],
)
def test_invariants_of_one_mesh(shop, text, code, standing):
    (shop / "invariants.yaml").write_text(INVARIANTS.format(text))
    for source in ((shop / "shop.yaml",), ("--from", shop / "shop.yaml")):
        (told,) = proved(*source, "--invariant", shop / "invariants.yaml", code=code)["invariants"]
        assert (told["standing"], told["text"]) == (standing, text)


def test_a_violation_is_asked_again_by_its_command(shop):
    (shop / "invariants.yaml").write_text(INVARIANTS.format("only GET reaches cart"))
    found = proved(shop / "shop.yaml", shop / "shut.yaml", "--invariant", shop / "invariants.yaml", code=3)
    (told,) = found["invariants"]
    assert (told["standing"], told["step"]) == ("violated", "after")
    done = sidestep("explain", *told["command"], "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["states"][0]["verdict"] == "allow"


def test_somebody_who_comes_otherwise_after_a_plan_is_asked_again_as_both(tmp_path):
    """The Host is foreign to his sidecar, so that he came as nobody; in ambient the address alone counts."""
    rule = {"from": [{"source": {"namespaces": ["next"]}}], "to": [{"operation": {"hosts": ["example.com"]}}]}
    found = [*pods("cart"), service("cart"), m.namespace("shop", istio_injection="enabled")]
    objects = [each for each in found if each["kind"] != "Pod"]
    (tmp_path / "mesh.yaml").write_text(yaml.safe_dump_all([*objects, policy("guard", rule, app="cart")]))
    proof = proved("--plan", "planned", "--from", tmp_path / "mesh.yaml", code=3)
    told = next(each for each in proof["counterexamples"] if "sidecar,ambient:next/someone" in each["command"])
    assert told["differences"][0] == "D39"
    states = json.loads(sidestep("explain", *told["command"], "-o", "json").stdout)["states"]
    assert [each["verdict"] for each in states] == [told["before"]["verdict"], told["after"]["verdict"]]


def test_every_counterexample_is_asked_again_by_its_command(shop):
    found = proved(shop / "shop.yaml", shop / "ambient.yaml", code=3)
    for each in [each for each in found["counterexamples"] if each["command"]][:3]:
        done = sidestep("explain", *each["command"], "-o", "json")
        assert json.loads(done.stdout)["states"][0]["verdict"] == each["after"]["verdict"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--plan"),
        (("shop.yaml",), "--invariant"),
        (("a", "b", "c"), "more than two"),
        (("--before", "shop.yaml"), "--after"),
        (("--after", "shop.yaml"), "--before"),
        (("shop.yaml", "shop.yaml", "--before", "shop.yaml"), "use one way"),
        (("shop.yaml", "shop.yaml", "--plan", "labels"), "--plan"),
        (("shop.yaml", "shop.yaml", "--from", "shop.yaml"), "--from"),
        (("-", "-"), "stdin"),
        (("shop.yaml", "none.yaml"), "none.yaml"),
        (("shop.yaml", "git:"), "git:REV"),
        (("shop.yaml", "git:x"), "git:x"),
        (("--plan", "none.json", "--from", "shop.yaml"), "none.json"),
        (("--plan", "shop.yaml", "--from", "shop.yaml"), "shop.yaml"),
        (("shop.yaml", "shop.yaml", "--accept", "none.yaml"), "--accept"),
        (("shop.yaml", "shop.yaml", "--accept", "shop.yaml"), "shop.yaml"),
        (("shop.yaml", "shop.yaml", "--accept", "broken.yaml"), "no YAML"),
        (("shop.yaml", "shop.yaml", "--accept", "dates.yaml"), "no YAML"),
        (("shop.yaml", "shop.yaml", "--accept", "binary.yaml"), "UTF-8"),
        (("shop.yaml", "shop.yaml", "--accept-preset", "all"), "shape"),
        (("shop.yaml", "--invariant", "none.yaml"), "--invariant"),
        (("shop.yaml", "--invariant", "ambient.yaml"), "no YAML"),
        (("shop.yaml", "--invariant", "other.yaml"), "Invariants"),
        (("shop.yaml", "shop.yaml", "--accept", "other.yaml"), "AcceptedDifferences"),
        (("shop.yaml", "shop.yaml", "--strict", "nothing"), "defaults"),
        (("shop.yaml", "shop.yaml", "--accept-preset", "none", "--accept-preset", "shape"), "none"),
        (("shop.yaml", "shop.yaml", "--end-only"), "--plan"),
        (("shop.yaml", "shop.yaml", "--budget", "0"), "--budget"),
        (("shop.yaml", "shop.yaml", "--istio", "newest"), "1.29"),
        (("shop.yaml", "shop.yaml", "-o", "csv"), "csv"),
        (("shop.yaml", "shop.yaml", "--out", "x.docx"), "extension"),
        (("shop.yaml", "shop.yaml", "--out", "none/x.json"), "no such folder"),
        (("shop.yaml", "cluster", "--kubeconfig", "none"), "none"),
        (("--before", "cluster", "--before", "shop.yaml", "--after", "shop.yaml"), "alone"),
    ],
)
def test_bad_input_says_what_to_do_and_never_a_traceback(shop, arguments, told, monkeypatch):
    (shop / "broken.yaml").write_text("a: [")
    (shop / "other.yaml").write_text("kind: Other")
    (shop / "dates.yaml").write_text("a: 2026-13-45")
    (shop / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    monkeypatch.chdir(shop)
    done = sidestep("prove", *arguments)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "fault in sidestep" not in done.stderr
    assert done.stdout == ""


def test_objects_of_the_wrong_types_are_no_fault_of_ours(shop):
    (shop / "wrong.yaml").write_text(SHOP.replace("{methods: [GET]}", "{methods: {a: 1}}"))
    done = sidestep("prove", shop / "shop.yaml", shop / "wrong.yaml")
    assert done.returncode in {3, 4}, done.stderr
    assert "fault" not in done.stderr
    (shop / "wrong.yaml").write_text(SHOP.replace("containerPort: 8080", "containerPort: x"))
    assert sidestep("prove", shop / "shop.yaml", shop / "wrong.yaml", "--require-complete").returncode == 1


def test_a_narrow_terminal_with_progress_on_stderr_only(shop):
    code, shown = on_terminal("prove", shop / "shop.yaml", shop / "ambient.yaml", "-q", NO_COLOR="1")
    assert code == 3
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.startswith("✗ differs")
    done = sidestep("prove", "--plan", "labels", "--from", shop / "shop.yaml", "-v")
    assert "proving w001" in done.stderr
    assert "proving" not in done.stdout


@pytest.mark.parametrize(
    ("name", "start"),
    [("p.html", "<!doctype html>"), ("p.md", "# "), ("p.xml", "<?xml"), ("p.sarif", "{"), ("p.yaml", "apiVersion")],
)
def test_the_format_follows_the_file(shop, name, start):
    assert sidestep("prove", shop / "shop.yaml", shop / "shop.yaml", "--out", shop / name).returncode == 0
    assert Path(shop / name).read_text().startswith(start)


UNGUARDED = SHOP.split("---\napiVersion: security", 1)[0]
ROUTED = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec: {hosts: [cart], http: [{route: [{destination: {host: cart}}], timeout: 3s}]}
"""


def test_waypoints_of_manifests_are_taken_to_be_ready_unless_strict(shop):
    """No manifest can say it: a repository before and after its conversion was told to differ."""
    for name in ("before.yaml", "after.yaml"):
        (shop / name).write_text(f"{UNGUARDED}---{ROUTED}")
    done = sidestep("convert", "--from", shop / "after.yaml", "--in-place", "--no-prove", "--force")
    assert done.returncode == 0, done.stderr
    both = (shop / "before.yaml", shop / "after.yaml")
    taken = proved(*both, code=0)
    assert "waypoints that stand in files are ready" in taken["assumptions"]
    found = proved(*both, "--strict", "waypoints", code=3)
    assert "waypoints that stand in files are ready" not in found["assumptions"]
    assert {each["direction"] for each in found["counterexamples"]} == {"route"}


def test_a_waypoint_whose_status_says_that_it_is_not_ready_is_not(shop):
    for name in ("before.yaml", "after.yaml"):
        (shop / name).write_text(f"{UNGUARDED}---{ROUTED}")
    assert sidestep("convert", "--from", shop / "after.yaml", "--in-place", "--no-prove", "--force").returncode == 0
    told = [each for each in yaml.safe_load_all((shop / "after.yaml").read_text()) if each]
    for each in told:
        if each["kind"] == "Gateway":
            each["status"] = {"conditions": [{"type": "Programmed", "status": "False"}]}
    (shop / "after.yaml").write_text(yaml.safe_dump_all(told))
    proved(shop / "before.yaml", shop / "after.yaml", code=3)
