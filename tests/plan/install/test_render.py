"""The files: values that read back as they were decided, reasons as comments, one page of commands."""

import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.install import config_map, injector, istiod, mesh_config, node
from tests.support.mesh import mesh

from sidestep.plan.install.files import install_files
from sidestep.plan.install.render import render_install
from sidestep.plan.install.scalars import Loader
from sidestep.plan.install.values import InstallSettings

WHOLE = (
    istiod(),
    node(),
    mesh_config("trustDomain: acme.test\naccessLogFile: /dev/stdout\n"),
    injector({"global": {}}),
)
TEXT = st.text(max_size=30)
TREE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31)
    | TEXT
    | st.sampled_from(["y", "1e3", "0o7", "on", "1:20", "~"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def rendered(*objects, **settings):
    return render_install(install_files(mesh(*objects), InstallSettings(**settings)))


def read(text):
    return yaml.load(text, Loader=Loader)  # noqa: S506 - extends the safe loader


def test_the_files():
    assert list(rendered(*WHOLE)) == [
        "install/base.yaml", "install/istiod.yaml", "install/cni.yaml", "install/ztunnel.yaml", "install/README.md",
    ]  # fmt: skip


def test_equal_input_gives_equal_bytes():
    assert rendered(*WHOLE) == rendered(*WHOLE)


def test_values_read_back_as_decided_and_every_one_has_its_reason_above():
    made = install_files(mesh(*WHOLE), InstallSettings())
    files = render_install(made)
    for chart in made.charts:
        text = files[f"install/{chart.name}.yaml"]
        assert read(text) == chart.values
        comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
        assert all(f"# - {each.value}: " in comments for each in chart.evidence)
        assert all(len(line) <= 120 for line in text.splitlines() if " " in line[4:])


def test_text_that_looks_like_something_else_stays_text():
    awkward = 'a: {quoted: "y", plain: y, number: "1e3", octal: "0o17", time: 2024-1-5, ratio: 1:20, off: "off"}'
    text = rendered(istiod(), mesh_config(awkward))["install/istiod.yaml"]
    assert "quoted: 'y'" in text
    assert "plain: true" in text
    assert read(text)["meshConfig"]["a"] == {
        "quoted": "y", "plain": True, "number": "1e3", "octal": "0o17", "time": "2024-1-5", "ratio": "1:20", "false": "off",
    }  # fmt: skip


def test_the_page_has_requirements_commands_and_the_way_back():
    conflict = config_map("cilium-config", "kube-system", **{"cni-exclusive": "true"})
    text = rendered(*WHOLE, conflict)["install/README.md"]
    assert "| to do | Cilium | cni.exclusive=false |" in text
    assert text.index("helm upgrade --install istio-base") < text.index("helm upgrade --install ztunnel")
    assert text.index("## 3. Back") < text.index("helm uninstall ztunnel")
    assert "ztunnel: resources.requests.memory" in text


def test_a_multiplying_anchor_is_no_mesh_config():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    files = rendered(istiod(), mesh_config("\n".join(lines)))
    assert len(files["install/istiod.yaml"]) < 10_000


def test_a_line_end_in_a_name_cannot_leave_its_comment():
    evil = "x\nprofile: demo\u2028profile: demo\x85profile: demo\r\x07"
    made = istiod()
    made["metadata"]["annotations"] = {"meta.helm.sh/release-name": evil}
    files = rendered(made, node(evil, labels={"node.openshift.io/os_id": "rhel"}))
    assert read(files["install/istiod.yaml"])["profile"] == "ambient"
    assert all(
        line.startswith(("#", "profile: ambient"))
        for line in files["install/cni.yaml"].split("global:")[0].splitlines()
    )
    assert "\x07" not in files["install/README.md"]


@example(config={"a": "\x85"}, told=None, name="\u2028\x85")
@given(config=st.dictionaries(TEXT, TREE, max_size=4), told=TREE, name=TEXT)
def test_whatever_people_wrote_survives_or_is_left_out_and_nothing_breaks(config, told, name):
    objects = (
        istiod(env={name: name}),
        mesh_config(yaml.safe_dump(config, allow_unicode=True)),
        injector({"global": told}),
    )
    made = install_files(mesh(*objects, node(labels={name: name})), InstallSettings())
    for chart in made.charts:
        assert read(render_install(made)[f"install/{chart.name}.yaml"]) == chart.values


@given(text=st.text(max_size=60))
def test_any_text_as_a_mesh_config(text):
    made = install_files(mesh(istiod(), mesh_config(text)), InstallSettings())
    assert made.chart("istiod").values["env"]["PILOT_ENABLE_AMBIENT"] == "true"
