"""Fixtures that several parts share: real servers, started once per worker."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.support.clusters import cluster
from tests.support.servers import api_server, permissive_crd, wait_for_kinds

from sidestep.model.kinds import KINDS

CUSTOM_GROUPS = (".istio.io", "gateway.networking.k8s.io", "argoproj.io", "projectcalico.org")

settings.register_profile("fast", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker has all tests of a file that starts real parts: what the file shares is started once.

    Such a test, and no other, is run again when it fails, and then told of by name (docs/decisions/0022).
    """
    for each in items:
        if each.get_closest_marker("real"):
            each.add_marker(pytest.mark.flaky(reruns=1))
            if not each.get_closest_marker("xdist_group"):
                each.add_marker(pytest.mark.xdist_group(str(each.path.relative_to(each.config.rootpath))))


@pytest.fixture(autouse=True)
def _nothing_remembered(tmp_path, monkeypatch):
    """No test finds what another one, or a user of this machine, kept of a proof."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Real input nobody here wrote."""
    default = Path(__file__).parent.parent / ".." / "shared" / "corpus"
    folder = Path(os.environ.get("SIDESTEP_CORPUS", default))
    if not folder.is_dir():
        pytest.skip("the corpus is not here (SIDESTEP_CORPUS)")
    return folder


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory):
    """A real API server that serves every kind we know."""
    with api_server(tmp_path_factory.mktemp("apiserver")) as server:
        custom = [kind for kind in KINDS if kind.listed and kind.group.endswith(CUSTOM_GROUPS)]
        for kind in custom:
            server.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", permissive_crd(kind))
        wait_for_kinds(server, custom)
        yield server


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory):
    """A cluster with real controllers, and nodes, kubelets, istiod and CNI that are played.

    Its tests are of the xdist group `kubernetes`, so that one worker has one, and use namespaces of their own.
    """
    with cluster(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running
