"""`sidestep explain` as a user runs it: files, bad input, plans, logs, symptoms and the matrix."""

import json

import pytest
from tests.support import log_lines
from tests.support.commands import on_terminal, sidestep

SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: app, image: web:1}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: app, image: cart:1, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]
    to: [{operation: {methods: [GET]}}]
"""
ASKED = ("--client", "shop/web", "--to", "cart")


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return path


def explained(*arguments):
    done = sidestep("explain", *arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_today_and_what_a_plan_would_change(shop):
    told = explained("--from", shop, *ASKED)
    assert told["kind"] == "Explanation"
    states = {state["state"]: state for state in told["states"]}
    assert [*states] == ["today", "labels", "planned"]
    assert [state["verdict"] for state in states.values()] == ["allow", "deny", "allow"]
    assert [hop["proxy"] for hop in states["planned"]["path"]].count("waypoint") == 1
    assert "D05" in {each["code"] for each in told["differences"]}


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        (("--method", "POST"), "deny"),
        (("--method", "get", "--path", "/items?x=1"), "allow"),
        (("--header", "x-a: 1", "--claim", "sub=me"), "allow"),
        (("--tcp",), "unreachable"),
        (("--grpc",), "deny"),
    ],
)
def test_what_is_sent_decides(shop, arguments, verdict):
    (state,) = explained("--from", shop, *ASKED, *arguments, "--at", "today")["states"]
    assert state["verdict"] == verdict


def test_a_saved_plan_wave_by_wave(shop, tmp_path):
    plan = tmp_path / "plan.json"
    assert sidestep("plan", "--from", shop, "-o", "json", "--out", plan).returncode == 0
    last = json.loads(plan.read_text())["waves"][-1]["number"]
    told = explained("--from", shop, *ASKED, "--at", f"{plan}#{last}")
    assert [state["state"] for state in told["states"]] == ["today", str(last)]
    assert told["states"][1]["verdict"] == "allow"
    assert explained("--from", shop, *ASKED, "--at", f"{tmp_path}/#{last}") == told, (
        "the folder that a plan is written to"
    )
    made = explained("--from", shop, *ASKED, "--at", f"planned#{last}")
    assert [state["verdict"] for state in made["states"]] == [state["verdict"] for state in told["states"]]
    whole = explained("--from", shop, *ASKED, "--at", plan)
    assert [state["state"] for state in whole["states"]] == ["today", "planned"]
    for wrong, word in (
        (f"{plan}#77", "no wave 77"),
        (f"{plan}#nope", "no step nope"),
        ("labels#nope", "no step nope"),
        (f"{shop}#1", "plan"),
    ):
        done = sidestep("explain", "--from", shop, *ASKED, "--at", wrong)
        assert (done.returncode, word in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--client", "shop/wbe", "--to", "cart"), "web"),
        (("--client", "shop/web", "--to", "crat"), "cart"),
        (("--client", "shop/web"), "--to"),
        ((), "--client"),
        ((*ASKED, "--matrix", "shop"), "give one of them"),
        ((*ASKED, "--port", "0"), "--port"),
        ((*ASKED, "--path", "items"), "/items"),
        ((*ASKED, "--tcp", "--method", "GET"), "--method"),
        ((*ASKED, "--token", "stale"), "--token"),
        ((*ASKED, "--istio", "newest"), "1.29"),
        ((*ASKED, "--at", "someday"), "someday"),
        ((*ASKED, "--at", "#3"), "PLAN.json#WAVE"),
        ((*ASKED, "-o", "csv"), "table, json"),
        ((*ASKED, "--out", "nowhere/x.html"), "no such folder"),
        ((*ASKED, "--out", "x.docx"), "extension"),
        (("--matrix", "nowhere"), "shop"),
        (("--symptom", " "), "--symptom"),
        (("--log", "no line of a log"), "access log"),
        (("--log", ""), "access log"),
    ],
)
def test_bad_input_says_what_to_do_and_never_a_traceback(shop, arguments, told):
    done = sidestep("explain", "--from", shop, *arguments)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "fault in sidestep" not in done.stderr
    assert done.stdout == ""


def test_formats_by_name_and_by_extension(shop, tmp_path):
    for name, start in (
        ("a.html", "<!doctype html>"),
        ("a.md", "# One request"),
        ("a.yaml", "apiVersion"),
        ("a", "Deployment shop/web"),
    ):
        assert sidestep("explain", "--from", shop, *ASKED, "--out", tmp_path / name).returncode == 0
        assert (tmp_path / name).read_text().startswith(start)


def test_a_narrow_terminal_in_colour_and_without(shop):
    code, shown = on_terminal("explain", "--from", shop, *ASKED, "--at", "today", "-q")
    assert code == 0
    assert "\x1b[" in shown
    _, plain = on_terminal("explain", "--from", shop, *ASKED, "--at", "today", "-q", NO_COLOR="1")
    assert "\x1b[3" not in plain
    assert max(map(len, plain.splitlines())) <= 80


def test_a_log_line_from_stdin_held_against_files(shop):
    line = log_lines.ztunnel("connection closed due to policy rejection: explicitly denied by: shop/shut")
    line = line.replace("shell-56bd5dbdbf-gz6cq", "web-56bd5dbdbf-gz6cq").replace(
        'src.namespace="default"', 'src.namespace="shop"'
    )
    line = line.replace("echo.shop.svc", "cart.shop.svc").replace("10.244.0.10:80", "10.244.0.10:8080")
    done = sidestep("explain", "--from", shop, "--log", "-", "-o", "json", feed=f"{line}\n")
    told = json.loads(done.stdout)
    assert told["kind"] == "LogExplanation"
    assert told["comparison"]["agreement"] in {"contradicts", "not-asked"}
    assert any("shop/shut" in each["about"] for each in told["statements"])


def test_a_log_line_without_any_mesh():
    done = sidestep("explain", "--log", log_lines.OUTBOUND)
    assert done.returncode == 0, done.stderr
    assert "The mesh was not asked" in done.stdout
    assert "--from" in done.stdout


def test_stdin_holds_one_thing(shop):
    done = sidestep("explain", "--from", "-", "--log", "-", feed=SHOP)
    assert (done.returncode, "stdin holds the mesh already" in done.stderr) == (1, True)


def test_a_named_mesh_must_be_there(tmp_path):
    assert sidestep("explain", "--from", tmp_path / "none.yaml", "--log", log_lines.OUTBOUND).returncode == 1
    assert sidestep("explain", "--from", tmp_path / "none.yaml", "--symptom", "503").returncode == 1


def test_a_symptom_with_this_clusters_findings(shop):
    told = explained("--from", shop, "--symptom", "upstream connect error or disconnect/reset before headers")
    assert told["kind"] == "SymptomAnswer"
    assert [each["code"] for each in told["symptoms"][0]["causes"][0]["findings"]] == ["SID207"]
    alone = sidestep("explain", "--symptom", "503 UF")
    assert (alone.returncode, "Evidence: none" in alone.stdout) == (0, True)


def test_the_matrix_today_and_planned(shop):
    today = explained("--from", shop, "--matrix", "shop")
    assert (today["kind"], today["columns"]) == ("Matrix", ["cart:80"])
    cells = {row["caller"]: row["calls"][0]["http"] for row in today["rows"]}
    assert cells == {"cart": "denied", "web": "some", "outside of the mesh, plaintext": "denied"}
    planned = explained("--from", shop, "--matrix", "shop", "--at", "planned")
    assert {row["caller"]: row["calls"][0]["http"] for row in planned["rows"]} == cells
    rows = sidestep("explain", "--from", shop, "--matrix", "shop", "-o", "csv").stdout.splitlines()
    assert rows[0] == "namespace,state,service,caller,members,tcp,http,why"
    assert len(rows) == 4


def test_objects_of_the_wrong_types_are_no_fault_of_ours(tmp_path):
    broken = SHOP.replace("{methods: [GET]}", "{methods: {a: 1}}").replace(
        "[{name: http, port: 80, targetPort: 8080}]", "3"
    )
    (tmp_path / "a.yaml").write_text(broken)
    done = sidestep("explain", "--from", tmp_path, "--client", "shop/web", "--to", "api.example.com", "--at", "today")
    assert done.returncode == 0, done.stderr
    (tmp_path / "a.yaml").write_text(SHOP.replace("{methods: [GET]}", "{methods: {a: 1}}"))
    (state,) = explained("--from", tmp_path, *ASKED, "--at", "today")["states"]
    assert state["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("folder", "client", "to", "arguments", "proxies"),
    [
        ("bookinfo", "productpage-v1", "reviews", (), ["client sidecar", "server sidecar"]),
        ("bookinfo", "default/bookinfo-productpage", "http://ratings:9080/ratings/1", (), ["client sidecar", "server sidecar"]),
        ("online-boutique", "default/frontend", "cartservice", ("--grpc",), ["client sidecar", "server sidecar"]),
        ("online-boutique", "checkoutservice-7d8f9c6b54-abcde", "default/paymentservice:50051", ("--grpc",), ["client sidecar", "server sidecar"]),
        ("online-boutique", "outside", "frontend", (), ["server sidecar"]),
    ],
)  # fmt: skip
def test_samples_without_pods(corpus, folder, client, to, arguments, proxies):
    told = explained("--from", corpus / folder, "--client", client, "--to", to, *arguments)
    today, *_, planned = told["states"]
    assert [hop["proxy"] for hop in today["path"]] == proxies
    assert today["verdict"] == planned["verdict"] == "allow"
    assert "sidecar" not in " ".join(hop["proxy"] for hop in planned["path"])
    assert any("no running pods" in each for each in told["assumptions"])


def test_a_sample_with_a_gateway_that_was_not_read(corpus):
    told = explained(
        "--from", corpus / "bookinfo", "--client", "gateway:bookinfo-gateway", "--to", "productpage.default"
    )
    assert {state["verdict"] for state in told["states"]} == {"unknown"}


def test_the_matrix_of_a_sample(corpus):
    told = explained("--from", corpus / "online-boutique", "--matrix", "default")
    assert len(told["columns"]) == 12
    assert len(told["rows"]) == 13
    assert any("network-policies.yaml" in each for each in told["assumptions"])
