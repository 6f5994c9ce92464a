"""The command lines, forth and back."""

import shlex

from tests.support.install import HELM, istio_cni, istiod, node, ztunnels
from tests.support.mesh import mesh, o

from sidestep.plan.install.files import install_files
from sidestep.plan.install.values import InstallSettings


def install(*objects, **settings):
    return install_files(mesh(*objects), InstallSettings(**settings))


def test_one_line_per_chart_in_order():
    made = install(istiod(), node())
    assert [shlex.split(line)[3:5] for line in made.commands] == [
        ["istio-base", "istio/base"], ["istiod", "istio/istiod"], ["istio-cni", "istio/cni"], ["ztunnel", "istio/ztunnel"],
    ]  # fmt: skip
    assert all("--namespace istio-system --version 1.29.2 --values install/" in line for line in made.commands)


def test_a_release_that_is_there_keeps_what_it_was_given_and_goes_back_by_one():
    made = install(istiod(), node())
    assert [("--reset-then-reuse-values" in line) for line in made.commands] == [False, True, False, False]
    assert made.rollback == (
        "helm uninstall ztunnel --namespace istio-system --wait",
        "helm uninstall istio-cni --namespace istio-system --wait",
        "helm rollback istiod --namespace istio-system --wait",
        "# base: leave it; with it would go every object of Istio's kinds",
    )


def test_nothing_that_another_installer_made_is_ever_uninstalled():
    made = install(istiod(owned=False), istio_cni(), ztunnels())
    assert all("--take-ownership" in line for line in made.commands)
    assert all(line.startswith("#") for line in made.rollback)


def test_base_is_told_by_its_account():
    account = o.thing("v1", "ServiceAccount", o.meta("istio-reader-service-account", "istio-system"))
    account["metadata"]["annotations"] = {**HELM, "meta.helm.sh/release-name": "base"}
    made = install(istiod(), account)
    assert made.commands[0].startswith("helm upgrade --install base istio/base")
    assert made.rollback[-1] == "helm rollback base --namespace istio-system --wait"


def test_names_from_outside_never_reach_a_shell():
    evil = istiod()
    evil["metadata"]["annotations"] = {
        "meta.helm.sh/release-name": "x; rm -rf /",
        "meta.helm.sh/release-namespace": "$(id)",
    }
    made = install(evil, repository="oci://charts.test/istio")
    assert shlex.split(made.commands[1])[3:7] == [
        "x; rm -rf /",
        "oci://charts.test/istio/istiod",
        "--namespace",
        "$(id)",
    ]
    assert shlex.split(made.rollback[2])[2] == "x; rm -rf /"


def test_node_components_go_where_they_are():
    made = install(istiod(), istio_cni("kube-system"), ztunnels("mesh"))
    assert [chart.namespace for chart in made.charts] == ["istio-system", "istio-system", "kube-system", "mesh"]
