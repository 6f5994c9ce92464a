"""Kubernetes quantities, case by case and against their own arithmetic."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.model.quantity import millicores, parse_quantity, whole_bytes


@pytest.mark.parametrize(
    ("text", "millis"),
    [("100m", 100), ("1", 1000), (2, 2000), ("0.1", 100), (0.5, 500), ("1.5", 1500), ("100u", 1), ("1n", 1), ("0", 0),
     ("2k", 2_000_000), (".5", 500), ("1e3", 1_000_000), ("1E-1", 100), ("+1", 1000)],
)  # fmt: skip
def test_cpu(text, millis):
    assert millicores(text) == millis


@pytest.mark.parametrize(
    ("text", "size"),
    [("128Mi", 128 * 2**20), ("1Gi", 2**30), ("1G", 10**9), ("1Ki", 1024), ("1000", 1000), ("1.5Gi", 3 * 2**29),
     ("1E", 10**18), ("100m", 1), ("129e6", 129_000_000), ("0.5Ki", 512)],
)  # fmt: skip
def test_memory(text, size):
    assert whole_bytes(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "abc", "1 Gi", "1gb", "--1", "1e", "NaN", "inf", "0x10", "1e9999999", "1e-9999999", "9" * 100, True, [], {}],
)
def test_what_is_no_quantity(text):
    assert parse_quantity(str(text)) is None
    assert millicores(None) is None


@pytest.mark.parametrize("text", ["1e999", "1e30", "9" * 60, "99999E"])
def test_more_than_kubernetes_knows_is_capped(text):
    assert whole_bytes(text) == 2**63 - 1
    assert whole_bytes(f"-{text}") == -(2**63 - 1)


@given(st.integers(0, 10**6), st.sampled_from(["m", "", "Ki", "Mi", "Gi", "k", "M", "G"]))
def test_scale(number, suffix):
    scale = {"m": Decimal("0.001"), "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}
    assert parse_quantity(f"{number}{suffix}") == number * scale[suffix]


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_none(text):
    assert millicores(text) is None or isinstance(millicores(text), int)
