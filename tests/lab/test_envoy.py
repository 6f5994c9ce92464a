"""Envoy as a process: which one, and what it starts from."""

import pytest

from sidestep.errors import TransportError, WorldError
from sidestep.lab.envoy import Admin, ControlPlane, Proxy, bootstrap, check_version, program


@pytest.fixture
def proxy(tmp_path) -> Proxy:
    return Proxy("one", tmp_path / "one", ControlPlane("h:1", "name", tmp_path / "roots", tmp_path / "token"))


def test_an_old_envoy_and_another_program_are_told_apart():
    check_version("envoy  version: 0123abcd/1.40.0/Clean/RELEASE/BoringSSL")
    check_version("envoy  version: 0123abcd/2.0.1-dev/Clean/RELEASE/BoringSSL")
    with pytest.raises(WorldError, match=r"1\.39 is too old"):
        check_version("envoy  version: 0123abcd/1.39.4/Clean/RELEASE/BoringSSL")
    with pytest.raises(WorldError, match="no Envoy"):
        check_version("nginx/1.2")


def test_the_token_is_named_and_not_written_into_the_configuration(proxy):
    proxy.control_plane.token.write_text("a secret")
    proxy.write()
    assert str(proxy.control_plane.token) in proxy.configuration.read_text()
    assert "a secret" not in proxy.configuration.read_text()


def test_only_its_user_may_speak_to_its_administration(proxy):
    assert bootstrap(proxy)["admin"]["address"]["pipe"]["mode"] == 0o600


def test_one_that_takes_over_has_a_socket_of_its_own(proxy):
    assert Proxy("one", proxy.folder, proxy.control_plane, epoch=1).admin != proxy.admin


def test_an_envoy_that_is_gone_is_not_ready_and_says_so(proxy):
    assert not Admin(proxy.admin).ready()
    with pytest.raises(TransportError, match="does not answer"):
        Admin(proxy.admin).stats()


@pytest.mark.real
def test_the_installed_one_is_new_enough():
    import subprocess  # noqa: PLC0415

    check_version(subprocess.run([program(), "--version"], capture_output=True, text=True, check=True).stdout)
