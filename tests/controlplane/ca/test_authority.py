"""Certificates chain to their root for both ends of TLS; while roots change, everybody trusts everybody."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from sidestep.controlplane.ca.authority import Authority, Chain, Lifetimes, Stage, Trust
from sidestep.controlplane.ca.certificates import pem
from sidestep.controlplane.ca.folder import keep, load
from sidestep.errors import WorldError

_NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
_URI = "spiffe://cluster.local/ns/default/sa/web"


def _authority(**fields) -> Authority:
    return Authority.new("cluster.local", _NOW, **fields)


def _verified(chain: Chain, anchors: tuple[x509.Certificate, ...], at: datetime = _NOW) -> list[x509.GeneralName]:
    verifier = PolicyBuilder().store(Store(list(anchors))).time(at).build_client_verifier()
    found = verifier.verify(chain.certificates[0], list(chain.certificates[1:]))
    return list(found.subjects or ())


def test_a_workloads_certificate_has_its_uri_as_the_only_name_and_chains_to_the_root():
    authority = _authority()
    assert _verified(authority.issue(_URI, _NOW), authority.anchors) == [x509.UniformResourceIdentifier(_URI)]


@pytest.mark.parametrize("late", [timedelta(minutes=-3), timedelta(hours=24, minutes=1)])
def test_it_is_valid_for_a_day_and_not_before(late: timedelta):
    authority = _authority()
    with pytest.raises(VerificationError):
        _verified(authority.issue(_URI, _NOW), authority.anchors, _NOW + late)


def test_another_mesh_with_the_same_name_is_not_trusted():
    with pytest.raises(VerificationError):
        _verified(_authority().issue(_URI, _NOW), _authority().anchors)


def test_nothing_outlives_who_signed_it():
    authority = _authority(lifetimes=Lifetimes(root=timedelta(hours=2), intermediate=timedelta(days=1)))
    leaf, intermediate = authority.issue(_URI, _NOW).certificates
    assert leaf.not_valid_after_utc == intermediate.not_valid_after_utc == _NOW + timedelta(hours=2)


def test_while_a_root_is_exchanged_old_and_new_certificates_are_trusted_by_all_who_are_one_step_apart():
    steps = [_authority()]
    while len(steps) < 4:
        steps.append(steps[-1].next_stage(_NOW))
    assert [each.stage for each in steps] == [Stage.STEADY, Stage.BOTH_TRUSTED, Stage.NEXT_SIGNS, Stage.STEADY]
    for before, after in itertools.pairwise(steps):
        for signs, trusts in ((before, after), (after, before), (after, after)):
            assert _verified(signs.issue(_URI, _NOW), trusts.anchors)
    with pytest.raises(VerificationError):
        _verified(steps[0].issue(_URI, _NOW), steps[-1].anchors)


def test_a_new_intermediate_changes_the_generation_and_keeps_the_root():
    before = _authority()
    after = before.next_intermediate(_NOW)
    assert before.generation != after.generation
    assert _verified(after.issue(_URI, _NOW), before.anchors)


def test_an_alias_has_the_own_roots_and_a_foreign_domain_only_its_own():
    own = _authority()
    foreign = pem(Authority.new("elsewhere", _NOW).anchors)
    bundles = Trust(own, ("old.name",), (("elsewhere", foreign),)).bundles()
    assert bundles == {"cluster.local": pem(own.anchors), "old.name": pem(own.anchors), "elsewhere": foreign}


def test_keys_never_show_in_text():
    authority = _authority().next_stage(_NOW)
    for shown in (repr(authority), str(authority.issue(_URI, _NOW)), f"{authority.root}"):
        assert "EllipticCurve" not in shown
        assert "PRIVATE" not in shown


def test_an_authority_is_the_same_after_it_was_kept_and_nobody_else_may_read_it(tmp_path):
    authority = _authority().next_stage(_NOW)
    keep(authority, tmp_path)
    kept = load(tmp_path)
    assert kept is not None
    assert (kept.generation, kept.anchors, kept.stage) == (authority.generation, authority.anchors, authority.stage)
    assert _verified(kept.issue(_URI, _NOW), authority.anchors)
    assert [(file.name, oct(file.stat().st_mode & 0o777)) for file in tmp_path.iterdir()] == [
        ("authority.json", "0o600")
    ]


def test_a_damaged_file_is_named_and_its_content_is_not_shown(tmp_path):
    keep(_authority(), tmp_path)
    file = tmp_path / "authority.json"
    file.write_bytes(file.read_bytes().replace(b"BEGIN PRIVATE", b"BEGIN"))
    with pytest.raises(WorldError, match=r"authority\.json") as error:
        load(tmp_path)
    assert "BEGIN" not in str(error.value)
    assert error.value.__cause__ is None


def test_there_is_nothing_to_load_at_first(tmp_path):
    assert load(tmp_path) is None
