"""What is wrong with a repository is told by file and object, and then nothing in it is changed."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import PROGRAMS, environment, sidestep
from tests.support.kustomized import NAMESPACE, contents

ROOT = Path(__file__).parents[2]
SHOP = (ROOT / "docs" / "examples" / "shop.yaml").read_text()
FORBIDDEN = (b"Traceback", b"a fault in sidestep")


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "shop.yaml").write_text(SHOP)
    return folder


def in_place(folder, *options):
    done = sidestep("convert", "--from", folder, "--in-place", *options)
    assert not any(word.decode() in done.stderr for word in FORBIDDEN), done.stderr
    return done


def refused(folder, *says, code=1):
    """A run that changes nothing, and says why."""
    before = contents(folder)
    done = in_place(folder)
    assert done.returncode == code, done.stderr
    for each in says:
        assert each in done.stderr, done.stderr
    assert contents(folder) == before


def written(folder, *says):
    """A run that changes the shop's file, and nothing else."""
    before = contents(folder)
    done = in_place(folder)
    assert done.returncode == 0, done.stderr
    for each in says:
        assert each in done.stderr, done.stderr
    after = contents(folder)
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} == {"shop.yaml"}
    return after["shop.yaml"]


def test_a_file_that_is_read_only(repository):
    (repository / "shop.yaml").chmod(0o444)
    refused(repository, "shop.yaml", "read-only", "make it writable")


def test_a_folder_that_is_read_only(repository):
    repository.chmod(0o555)
    refused(repository, "read-only", "nothing was written")
    repository.chmod(0o755)


def test_a_file_in_utf_16(repository):
    (repository / "shop.yaml").write_bytes(SHOP.encode("utf-16"))
    refused(repository, "shop.yaml:1", "not UTF-8", "save the file as UTF-8")


def test_a_file_in_another_encoding_beside_is_named_and_left_as_it_is(repository):
    (repository / "other.yaml").write_bytes("a: é\n".encode("latin-1"))
    written(repository, "other.yaml:1", "not UTF-8")


def test_a_document_in_another_encoding_below_what_would_be_edited(repository):
    (repository / "shop.yaml").write_bytes(SHOP.encode() + "---\na: é\n".encode("latin-1"))
    line = SHOP.count("\n") + 2
    refused(repository, f"shop.yaml:{line}", "is not UTF-8", "would be edited there", "save the file as UTF-8")


def test_carriage_returns_stay(repository):
    (repository / "shop.yaml").write_bytes(SHOP.replace("\n", "\r\n").encode())
    text = written(repository)
    assert text.count(b"\r\n") == text.count(b"\n") > SHOP.count("\n")


def test_a_byte_order_mark_stays(repository):
    (repository / "shop.yaml").write_bytes(b"\xef\xbb\xbf" + SHOP.encode())
    assert written(repository).startswith(b"\xef\xbb\xbf#")


def test_a_name_that_is_no_utf_8(repository):
    (repository / "shop.yaml").rename(os.fsdecode(os.fsencode(repository) + b"/\xff.yaml"))
    refused(repository, "cannot be edited", "use --out")


def test_a_link_that_leaves_the_folder_is_neither_read_nor_written(repository):
    outside = repository.parent / "outside.yaml"
    (repository / "shop.yaml").rename(outside)
    (repository / "shop.yaml").symlink_to(outside)
    (repository / "space.yaml").write_text(NAMESPACE % "shop")
    in_place(repository)
    assert outside.read_text() == SHOP
    assert (repository / "shop.yaml").is_symlink()


def test_a_link_within_the_folder_stays_one(repository):
    (repository / "files").mkdir()
    (repository / "shop.yaml").rename(repository / "files" / "all.txt")
    (repository / "shop.yaml").symlink_to("files/all.txt")
    assert in_place(repository).returncode == 0
    assert (repository / "shop.yaml").is_symlink()
    assert "istio.io/dataplane-mode: ambient" in (repository / "files" / "all.txt").read_text()


def test_links_that_go_round(repository):
    (repository / "loop").symlink_to(".")
    (repository / "self.yaml").symlink_to("self.yaml")
    done = in_place(repository)
    assert done.returncode == 0
    assert "self.yaml" in done.stderr


def test_a_pipe_is_not_waited_for(repository):
    os.mkfifo(repository / "pipe.yaml")
    done = in_place(repository)
    assert done.returncode == 0
    assert "pipe.yaml" in done.stderr


def test_a_huge_file_beside_is_read_past(repository):
    rows = "    some text that stands in a map and means nothing\n" * 200_000
    huge = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: huge}}\ndata:\n  text: |\n{rows}"
    (repository / "huge.yaml").write_text(huge)
    written(repository)


def test_aliases_that_blow_up(repository):
    levels = zip("abcdefgh", "bcdefghi", strict=True)
    bomb = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    bomb += "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in levels)
    (repository / "bomb.yaml").write_text(bomb)
    written(repository, "bomb.yaml", "aliases")


KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../shop.yaml]\n"
SCALED = "- {op: replace, path: /spec/replicas, value: 3}\n"
ORDERS = "{group: apps, version: v1, kind: Deployment, name: orders}"
GONE = "{apiVersion: v1, kind: Service, metadata: {name: orders, namespace: shop}, $patch: delete}"
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
ACTING = {
    "a JSON patch": ({"": f"patches: [{{target: {ORDERS}, path: scale.yaml}}]\n", "scale.yaml": SCALED}, "patches it"),
    "an old one": (
        {"": f"patchesJson6902: [{{target: {ORDERS}, path: scale.yaml}}]\n", "scale.yaml": SCALED},
        "patches it",
    ),
    "one inline": ({"": f"patches:\n- target: {ORDERS}\n  patch: |\n    {SCALED}"}, "patches it"),
    "what deletes": ({"": f"patches:\n- patch: |\n    {GONE}\n"}, "patches it"),
    "replacements": (
        {
            "": "replacements:\n- source: {kind: Service, name: web, fieldPath: metadata.name}\n"
            "  targets: [{select: {kind: Deployment, name: orders}, fieldPaths: [metadata.labels.of]}]\n"
        },
        "(replacements)",
    ),
    "a component": (
        {
            "": "components: [part]\n",
            "part/kustomization.yaml": f"{COMPONENT}patches: [{{target: {ORDERS}, path: scale.yaml}}]\n",
            "part/scale.yaml": SCALED,
        },
        "patches it",
    ),
}


def kustomized(repository, files):
    for name, text in files.items():
        path = repository / "over" / (name or "kustomization.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if name else KUSTOMIZATION + text)


@pytest.mark.parametrize("what", ACTING)
def test_what_a_kustomization_makes_otherwise_is_never_guessed(repository, what):
    files, says = ACTING[what]
    kustomized(repository, files)
    refused(repository, "what the files say is not what runs", "shop.yaml", says, "kubectl kustomize FOLDER")


def test_a_remote_base_is_never_fetched_and_that_is_said(repository):
    kustomized(repository, {"": "bases: ['https://repository.invalid/base?ref=v1']\n"})
    written(repository, "https://repository.invalid/base?ref=v1", "nothing is fetched")


@pytest.mark.parametrize(
    ("text", "line"), [("resources: [\n  shop.yaml\n", 3), ("resources:\n- shop.yaml # é\n".encode("latin-1"), 2)]
)
def test_a_kustomization_that_nobody_can_read_stops_what_it_may_list(repository, text, line):
    (repository / "kustomization.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(repository, f"kustomization.yaml:{line}", "cannot be read", "shop.yaml", "nothing was written")


def test_a_kustomization_that_nobody_can_read_stops_nothing_beside_it(repository):
    (repository / "other").mkdir()
    (repository / "other" / "kustomization.yaml").write_text("resources: [\n")
    written(repository)


def test_kustomizations_that_take_each_other_in(repository):
    kustomized(repository, {"": "bases: [../other]\n", "../other/kustomization.yaml": "resources: [../over]\n"})
    written(repository)


def test_line_ends_marks_and_tabs_at_once_stay(repository):
    text = SHOP.replace("name: web\n", "name:\tweb\t# ours\n").replace("\n", "\r\n")
    (repository / "shop.yaml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    after = written(repository)
    assert after.count(b"name:\tweb\t# ours\r\n") == text.count("name:\tweb\t# ours")
    assert after.startswith(b"\xef\xbb\xbf#")
    assert after.count(b"\r\n") == after.count(b"\n")


def test_an_alias_to_an_anchor_of_another_document_costs_that_document_only(repository):
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: shop, name: "
    (repository / "maps.yaml").write_text(f"{head}a, labels: &l {{a: b}}}}\n---\n{head}b, labels: *l}}\n")
    written(repository, "maps.yaml:7", "alias *l names no anchor before it")


def test_objects_that_two_files_say_are_left_with_all_that_would_be_made_of_them(repository):
    (repository / "again.yaml").write_text(SHOP)
    before = contents(repository)
    done = in_place(repository, "-o", "json")
    assert done.returncode == 2
    told = {each["object"]["name"]: each["reason"] for each in json.loads(done.stdout)["byHand"]}
    assert "shop.yaml; leave one of them" in told["orders"]
    assert "done by hand with Service shop/orders" in told["orders-only-waypoint"]
    assert contents(repository)["shop.yaml"] == before["shop.yaml"]
    assert b"only-waypoint" not in contents(repository)["again.yaml"]


def test_what_is_compressed_is_not_edited(repository):
    subprocess.run(["gzip", repository / "shop.yaml"], check=True)
    refused(repository, "shop.yaml.gz", "unpack it")


def test_an_object_that_stands_twice_is_named_with_both_places(repository):
    (repository / "zz.yaml").write_text(SHOP.partition("---")[0])
    done = in_place(repository)
    assert "stands in" in done.stderr
    assert "zz.yaml" in done.stderr


def test_a_type_that_the_api_would_refuse(repository):
    policy = (
        "\n---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: shop}\n"
    )
    (repository / "shop.yaml").write_text(SHOP + policy + "spec: {rules: 5}\n")
    refused(repository, "AuthorizationPolicy shop/p spec.rules", "expected a list, found a number")


REFUSED = """
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: office-only, namespace: shop}
spec: {rules: [{from: [{source: {ipBlocks: [300.1.1.1/99]}}]}]}
"""


def test_a_policy_that_istio_refuses_is_not_multiplied(repository):
    (repository / "shop.yaml").write_text(SHOP + REFUSED)
    line = f"shop.yaml:{SHOP.count(chr(10)) + 3}"
    refused(
        repository, line, "AuthorizationPolicy shop/office-only", "spec.rules[0].from[0].source.ipBlocks", "--force"
    )
    told = sidestep("convert", "--from", repository)
    assert told.returncode == 0
    assert "office-only" in told.stderr
    assert in_place(repository, "--force").returncode == 0


KINDS = {
    "VirtualService": ("networking.istio.io/v1", "{hosts: [orders]}", "spec.http: there is no rule"),
    "DestinationRule": (
        "networking.istio.io/v1",
        "{host: orders, subsets: [{name: v 1}]}",
        "spec.subsets[0].name: 'v 1'",
    ),
    "RequestAuthentication": ("security.istio.io/v1", "{jwtRules: [{}]}", "spec.jwtRules[0].issuer"),
    "PeerAuthentication": ("security.istio.io/v1", "{portLevelMtls: {80: {mode: STRICT}}}", "spec.portLevelMtls: only"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_istio_refuses_of_other_kinds_is_told_and_nothing_is_made_of_it(repository, kind):
    version, spec, says = KINDS[kind]
    head = f"\n---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: odd, namespace: shop}}\nspec: {spec}\n"
    (repository / "shop.yaml").write_text(SHOP + head)
    refused(repository, f"{kind} shop/odd {says}", "admission", "--force")


ROUTE = """
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s, namespace: %s}
spec: {hosts: [orders], http: [{timeout: %s, route: [{destination: {host: orders}}]}]}
"""
GATEWAY_ROUTE = """
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders-too, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: orders}]
  rules: [{backendRefs: [{name: stock, port: 80}]}]
"""


@pytest.mark.parametrize(
    "rival", [ROUTE % ("orders-b", "shop", "2s"), GATEWAY_ROUTE], ids=["VirtualService", "HTTPRoute"]
)
def test_objects_that_fight_for_a_host_mean_the_same_afterwards_or_nothing_is_written(repository, rival):
    (repository / "shop.yaml").write_text(SHOP + ROUTE % ("orders-a", "shop", "1s") + rival)
    before = contents(repository)
    done = in_place(repository)
    assert done.returncode in (0, 3, 4)
    if done.returncode:
        assert "orders" in done.stderr
        assert "nothing was written" in done.stderr
        assert contents(repository) == before


def test_objects_in_a_namespace_without_workloads_stay_as_they_are(repository):
    stray = REFUSED.replace("300.1.1.1/99", "10.0.0.1").replace("namespace: shop", "namespace: nowhere")
    (repository / "shop.yaml").write_text(SHOP + stray + ROUTE % ("orders", "nowhere", "1s"))
    assert in_place(repository).returncode == 0
    assert "metadata: {name: office-only, namespace: nowhere}" in (repository / "shop.yaml").read_text()


def test_an_expression_that_re2_refuses(repository):
    route = "\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: r, namespace: shop}\n"
    spec = "spec: {hosts: [orders], http: [{match: [{uri: {regex: '(['}}], route: [{destination: {host: orders}}]}]}\n"
    (repository / "shop.yaml").write_text(SHOP + route + spec)
    refused(repository, "RE2 refuses '(['", "VirtualService shop/r spec.http[0].match[0].uri.regex", "admission")


def test_an_output_inside_of_what_is_read(repository):
    before = contents(repository)
    done = sidestep("convert", "--from", repository, "--out", repository / "converted")
    assert done.returncode == 1
    assert "is inside of --from" in done.stderr
    assert contents(repository) == before


@pytest.mark.parametrize("name", ["thesis.tex", "base.txt", "waves.d/x"])
def test_an_output_of_ours_into_which_somebody_put_something(repository, tmp_path, name):
    out = tmp_path / "out"
    assert sidestep("convert", "--from", repository, "--out", out).returncode == 0
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("years of work")
    before = contents(out)
    done = sidestep("convert", "--from", repository, "--out", out)
    assert done.returncode == 1
    assert name in done.stderr
    assert contents(out) == before


def test_a_disk_that_takes_no_more(repository):
    before = contents(repository)

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    command = [PROGRAMS / "sidestep", "convert", "--from", repository, "--in-place"]
    done = subprocess.run(
        command, capture_output=True, env=environment(), check=False, timeout=60, preexec_fn=small_files
    )
    assert done.returncode == 1
    assert b"nothing was written" in done.stderr
    assert contents(repository) == before


KILLED = """
import os, signal, sys
from pathlib import Path
real, left = Path.replace, [int(sys.argv.pop(1))]

def replace(self, target):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return real(self, target)

Path.replace = replace
from sidestep.cli.main import main
sys.exit(main())
"""


@pytest.mark.parametrize("after", range(5))
def test_a_run_that_is_killed_between_two_files_is_finished_or_undone_by_the_next(tmp_path, after):
    """The journal is put twice, then two files: after 2 and 3 the files are moved halfway."""
    whole, killed = (tmp_path / name for name in ("whole", "killed"))
    head, _, rest = SHOP.partition("---\n")
    for folder in (whole, killed):
        folder.mkdir()
        (folder / "a.yaml").write_text(head)
        (folder / "b.yaml").write_text(rest)
    assert in_place(whole).returncode == 0
    command = [sys.executable, "-c", KILLED, str(after), "convert", "--from", str(killed), "--in-place"]
    done = subprocess.run(command, capture_output=True, env=environment(), check=False, timeout=60)
    assert done.returncode == (-signal.SIGKILL if after < 4 else 0), done.stderr
    again = in_place(killed)
    assert again.returncode == 0
    assert ("an interrupted run" in again.stderr) is (1 <= after < 4)
    assert contents(killed) == contents(whole)


def test_a_journal_of_nobody_knows_what_says_what_to_do(repository):
    (repository / ".sidestep-staged").write_text("half a jour")
    refused(repository, ".sidestep-staged", "cannot be followed", "keep what you want")


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_dirty_tree(repository):
    git = ["git", "-C", repository, "-c", "user.email=someone@example.com", "-c", "user.name=someone"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "state"]):
        subprocess.run([*git, *arguments], check=True)
    (repository / "shop.yaml").write_text(SHOP + "# mine\n")
    refused(repository, "not committed: shop.yaml", "--force")


@pytest.mark.parametrize("spoil", ["pipe", "name", "utf-16"])
def test_prove_reads_such_folders_too(repository, tmp_path, spoil):
    other = tmp_path / "other"
    shutil.copytree(repository, other)
    if spoil == "pipe":
        os.mkfifo(other / "pipe.yaml")
    elif spoil == "name":
        (other / os.fsdecode(b"\xff.yaml")).write_text(NAMESPACE % "more")
    else:
        (other / "more.yaml").write_bytes((NAMESPACE % "more").encode("utf-16"))
    done = sidestep("prove", repository, other)
    assert done.returncode in (0, 4), done.stderr
    assert "fault" not in done.stderr
    assert "other" in done.stderr + done.stdout
