"""What a field's strings mean: one matcher for each value, by attribute."""

from collections.abc import Callable

from sidestep.semantics.authorization.matchers import (
    Cidr,
    Exact,
    IssuerSubject,
    Pieces,
    Prefix,
    Present,
    Regex,
    StringMatcher,
    Suffix,
    Template,
    is_cidr,
    string_matcher,
)
from sidestep.semantics.authorization.policy import Attribute, Values
from sidestep.semantics.authorization.templates import is_template
from sidestep.semantics.patterns import quote

_Make = Callable[[str, str], StringMatcher | IssuerSubject | None]
_LARGEST_PORT = 65535
_DIGITS = 20


def values_of(attribute: Attribute, written: tuple[str, ...], namespace: str) -> Values:
    """One side of a term.

    Args:
        attribute: what the term looks at.
        written: its values.
        namespace: of the policy, for service accounts without one.
    """
    make = _MAKERS.get(attribute, _plain)
    made = [make(value, namespace) for value in written]
    found = tuple(matcher for matcher in made if matcher is not None)
    return Values(written, found, broken=len(found) < len(made))


def key_of(attribute: Attribute, written: str) -> tuple[str, ...] | None:
    """The name in the brackets of a `when` key: of a header, the path of a claim, filter and key of metadata.

    Empty for attributes without one; None when the brackets are missing, so that no value can be given to a proxy.
    """
    rest = written.removeprefix(attribute.value)
    bracketed = rest.startswith("[") and rest.endswith("]")
    match attribute:
        case Attribute.HEADER:
            return (rest[1:-1].lower(),) if bracketed else None
        case Attribute.CLAIM:
            return _nested(rest[1:-1]) if bracketed else None
        case Attribute.METADATA:
            name, opened, key = written.removeprefix("experimental.").removesuffix("]").partition("[")
            return (name, key) if opened else None
        case _:
            return ()


def _nested(inner: str) -> tuple[str, ...]:
    """`a][b` as a path; brackets that do not pair make it one name, as in Istio."""
    parts = tuple(inner.split("]["))
    return (inner,) if any("[" in part or "]" in part for part in parts) else parts


def _plain(value: str, _namespace: str) -> StringMatcher:
    return string_matcher(value)


def _header(value: str, _namespace: str) -> StringMatcher:
    return string_matcher(value, empty=True)


def _host(value: str, _namespace: str) -> StringMatcher:
    return string_matcher(value.lower(), empty=True)


def _path(value: str, _namespace: str) -> StringMatcher:
    return Template(value) if is_template(value) else string_matcher(value)


def _cidr(value: str, _namespace: str) -> StringMatcher | None:
    return Cidr(value) if is_cidr(value) else None


def _port(value: str, _namespace: str) -> StringMatcher | None:
    number = port_number(value)
    return None if number is None else Exact(str(number))


def port_number(value: str) -> int | None:
    """The port that a string names, as Go's ParseUint reads it; None when it is none."""
    if not value.isascii() or not value.isdigit():
        return None
    digits = value.lstrip("0") or "0"
    return int(digits) if len(digits) < _DIGITS and int(digits) <= _LARGEST_PORT else None


def _namespace(value: str, _namespace: str) -> StringMatcher:
    """`.*/ns/VALUE/.*` over the whole SPIFFE URI, each star of the value standing for anything, slashes included."""
    first, *rest = value.split("*")
    parts = [f"/ns/{first}", *rest]
    parts[-1] += "/"
    return Pieces(("", *parts, ""))


def _account(value: str, namespace: str) -> StringMatcher:
    space, slash, account = value.partition("/")
    if not slash:
        space, account = namespace, value
    return Regex(f"spiffe://.+/ns/{quote(space)}/(.+/|)sa/{quote(account)}(/.+)?")


def _trust_domain(value: str, _namespace: str) -> StringMatcher:
    if value == "*":
        return Prefix("spiffe://")
    if "*" not in value:
        return Prefix(f"spiffe://{value}/")
    before, _, after = value.partition("*")
    return Regex(f"spiffe://{quote(before)}[^/]*{quote(after)}/.*")


def _request_principal(value: str, _namespace: str) -> IssuerSubject:
    """Issuer and subject, parted at the last slash because an issuer may be a URL."""
    issuer, slash, subject = value.rpartition("/")
    if not slash:
        issuer, subject = value, ""
    if value == "*":
        return IssuerSubject(Present(), Present())
    if value.startswith("*"):
        if not slash:
            return IssuerSubject(Present(), Suffix(value[1:]))
        return IssuerSubject(Present() if issuer == "*" else Suffix(issuer[1:]), Exact(subject))
    if value.endswith("*"):
        if not slash:
            return IssuerSubject(Prefix(value[:-1]), Present())
        return IssuerSubject(Exact(issuer), Present() if subject == "*" else Prefix(subject[:-1]))
    return IssuerSubject(Exact(issuer), Exact(subject))


_MAKERS: dict[Attribute, _Make] = {
    Attribute.NAMESPACE: _namespace,
    Attribute.SERVICE_ACCOUNT: _account,
    Attribute.TRUST_DOMAIN: _trust_domain,
    Attribute.SOURCE_IP: _cidr,
    Attribute.REMOTE_IP: _cidr,
    Attribute.DESTINATION_IP: _cidr,
    Attribute.PORT: _port,
    Attribute.REQUEST_PRINCIPAL: _request_principal,
    Attribute.HEADER: _header,
    Attribute.METHOD: _header,
    Attribute.HOST: _host,
    Attribute.PATH: _path,
}
