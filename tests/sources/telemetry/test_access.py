"""URLs, headers, labels and windows: what one can mean, and what one cannot."""

import pytest

from sidestep.errors import UsageError
from sidestep.sources.telemetry.access import checked_access, label
from sidestep.sources.telemetry.prometheus import seconds_of


@pytest.mark.parametrize(
    ("given", "asked", "shown"),
    [
        ("http://p:9090", "http://p:9090", "http://p:9090"),
        ("https://p/prometheus/", "https://p/prometheus", "https://p/prometheus"),
        ("https://p/prometheus/api/v1/query", "https://p/prometheus", "https://p/prometheus"),
        ("https://u:p%40w@mimir/prometheus", "https://u:p%40w@mimir/prometheus", "https://mimir/prometheus"),
        ("http://[::1]:9090/", "http://[::1]:9090", "http://[::1]:9090"),
    ],
)
def test_urls(given, asked, shown):
    access = checked_access(given)
    assert (access.url, access.name) == (asked, shown)
    assert repr(access) == f"PrometheusAccess({shown})"


@pytest.mark.parametrize(
    "url",
    [
        "", "prometheus:9090", "ftp://p", "http://", "http://:9090", "http://p:port", "http://p:99999", "http://p:0", "http://[::1",
        "https://user:ge/heim@p", "https://user:ge?heim@p", "https://user:ge#heim@p", "https://p/?token=geheim",
    ],
)  # fmt: skip
def test_no_urls(url):
    with pytest.raises(UsageError) as error:
        checked_access(url)
    assert error.value.where == "--prometheus"
    assert error.value.remedy
    assert "heim" not in str(error.value)


def test_headers():
    access = checked_access("http://p", headers=("X-Scope-OrgID: team a", "X-Empty-Not:b"))
    assert access.headers == (("X-Scope-OrgID", "team a"), ("X-Empty-Not", "b"))


@pytest.mark.parametrize("header", ["nocolon", "a: b\r\nc: d", ": b", "a b: c", "a:", "ü: c", "a: ü", "a: b\x00c"])
def test_no_headers(header):
    with pytest.raises(UsageError) as error:
        checked_access("http://p", headers=(header,))
    assert error.value.where == "--prometheus-header"


def test_labels():
    assert label("cluster=prod=1") == ("cluster", "prod=1")


@pytest.mark.parametrize("text", ["cluster", "=x", "a-b=c", "1a=b", 'a{b="c"=d'])
def test_no_labels(text):
    with pytest.raises(UsageError):
        label(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 604_800), ("1d12h", 129_600), ("5m", 300), ("1w", 604_800), ("3600s", 3_600), ("400d", 34_560_000)],
)
def test_windows(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "7", "d", "1s", "299s", "401d", "500d", "-7d", "7 d", "1h1d", "7D", "\u0667d", "9" * 9_999 + "d", "1.5d"],
)
def test_no_windows(text):
    with pytest.raises(UsageError) as error:
        seconds_of(text)
    assert error.value.where == "--window"
