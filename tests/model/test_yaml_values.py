"""The typing of plain scalars, from the rules of go-yaml v2's resolver, which Kubernetes reads with."""

import pytest

from sidestep.model.yaml_values import ScalarError, key, plain, tagged

TABLE = [
    *((word, True) for word in ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")),
    *((word, False) for word in ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")),
    *((word, None) for word in ("", "~", "null", "Null", "NULL")),
    *((word, word) for word in ("yEs", "tRue", "nULL", "oFF", "yesterday", "nope", "-", "+", ".", "..", "x1")),
    ("0", 0), ("1", 1), ("-1", -1), ("+1", 1), ("0777", 511), ("0o777", 511), ("-0777", -511), ("0x1F", 31),
    ("0b101", 5), ("-0b101", -5), ("1_000", 1000), ("0x_ff", 255), ("08", 8), ("09.5", 9.5),
    ("1.5", 1.5), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("1.5e-3", 0.0015), ("1.0", 1), ("-.5", -0.5),
    ("9223372036854775807", 2**63 - 1), ("18446744073709551615", 2**64 - 1), ("18446744073709551616", 1.8446744073709552e19),
    ("1e400", "1e400"), (".5_0", ".5_0"), ("1.2.3", "1.2.3"), ("1h", "1h"), ("100m", "100m"), ("1:30", "1:30"),
    ("190:20:30", "190:20:30"), ("2001-12-14", "2001-12-14"), ("2001-12-14T21:59:43Z", "2001-12-14T21:59:43Z"),
    ("0x", "0x"), ("0b2", "0b2"), ("0o8", "0o8"), ("1__0", 10), ("=", "="), ("<<", "<<"), ("1E2", 100),
    ("10.0.0.1", "10.0.0.1"), ("0.0.0.0/0", "0.0.0.0/0"), ("1-2", "1-2"), ("infinity", "infinity"), ("nan", "nan"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), TABLE)
def test_plain_scalar(text, value):
    found = plain(text)
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize("text", [".inf", "-.inf", "+.INF", ".nan", ".NaN"])
def test_what_json_cannot_hold_is_refused(text):
    with pytest.raises(ScalarError):
        plain(text)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("!", "yes", "yes"),
        ("tag:yaml.org,2002:str", "1", "1"),
        ("tag:yaml.org,2002:int", "0x10", 16),
        ("tag:yaml.org,2002:float", "1", 1),
        ("tag:yaml.org,2002:bool", "on", True),
        ("tag:yaml.org,2002:null", "~", None),
        ("tag:yaml.org,2002:timestamp", "2001-01-01", "2001-01-01"),
        ("tag:yaml.org,2002:binary", "aGk=", "hi"),
    ],
)
def test_tagged_scalar(tag, text, value):
    assert tagged(tag, text) == value


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("tag:yaml.org,2002:int", "many"),
        ("tag:yaml.org,2002:bool", "1"),
        ("tag:yaml.org,2002:python/object:os.system", "x"),
        ("!vault", "x"),
        ("tag:yaml.org,2002:binary", "%%%"),
    ],
)
def test_other_tags_are_refused(tag, text):
    with pytest.raises(ScalarError):
        tagged(tag, text)


@pytest.mark.parametrize(("value", "name"), [("a", "a"), (1, "1"), (True, "true"), (False, "false"), (1.5, "1.5")])
def test_keys_become_strings(value, name):
    assert key(value) == name


def test_null_is_no_key():
    with pytest.raises(ScalarError):
        key(None)
