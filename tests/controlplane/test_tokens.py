"""A token is good for one proxy, for minutes, and only as it was minted."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.controlplane.tokens import LIFETIME, Proxy, Refused, Tokens

_NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
_NODE = Proxy("node", "node-1")
_TOKENS = Tokens(b"k" * 32)


def test_a_token_says_whose_it_is():
    assert _TOKENS.verify(_TOKENS.mint(_NODE, _NOW), _NOW + LIFETIME) == _NODE


@pytest.mark.parametrize(
    ("late", "reason"), [(LIFETIME + timedelta(seconds=1), "expired"), (timedelta(minutes=-1), "not valid yet")]
)
def test_a_token_counts_only_in_its_time(late: timedelta, reason: str):
    with pytest.raises(Refused, match=reason):
        _TOKENS.verify(_TOKENS.mint(_NODE, _NOW), _NOW + late)


def test_a_token_of_another_mesh_is_refused():
    with pytest.raises(Refused, match="not signed here"):
        _TOKENS.verify(Tokens(b"x" * 32).mint(_NODE, _NOW), _NOW)


def test_a_token_without_a_signature_is_refused():
    header = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    claims = _TOKENS.mint(_NODE, _NOW).split(".")[1]
    with pytest.raises(Refused):
        _TOKENS.verify(f"{header}.{claims}.", _NOW)


@given(st.text(max_size=80))
def test_whatever_else_is_shown_is_refused_and_not_repeated(shown: str):
    with pytest.raises(Refused) as refused:
        _TOKENS.verify(shown, _NOW)
    assert not shown.strip() or len(shown) < 12 or shown not in str(refused.value)


@given(st.integers(0, 200), st.integers(1, 255))
def test_no_changed_byte_is_overlooked(place: int, change: int):
    token = bytearray(_TOKENS.mint(_NODE, _NOW).encode())
    token[place % len(token)] ^= change
    try:
        shown = token.decode()
    except UnicodeDecodeError:
        return
    try:
        proxy = _TOKENS.verify(shown, _NOW)
    except Refused:
        return
    assert proxy == _NODE  # spare bits of the last digit


def test_the_key_is_kept_so_that_tokens_outlive_a_restart(tmp_path):
    token = Tokens.kept(tmp_path).mint(_NODE, _NOW)
    assert Tokens.kept(tmp_path).verify(token, _NOW) == _NODE
    assert oct((tmp_path / "tokens.key").stat().st_mode & 0o777) == "0o600"
