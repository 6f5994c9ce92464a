"""The same policy in words that ztunnel understands, where sidecars mean the same by them.

Source: istio-semantics.md §3.3, D09 to D12. Sidecars expand trust-domain aliases and stars within namespaces; ztunnel
compares what is written. It is not sent `trustDomains`, and `when source.serviceAccount` counts as layer 7 for it.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import Context, Tree
from sidestep.semantics.authorization.evaluate import term_holds
from sidestep.semantics.authorization.policy import Attribute, Term, Values
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.trust import Bundle
from sidestep.semantics.authorization.values import values_of
from sidestep.semantics.identity import principal_of
from sidestep.semantics.loose import as_dict, as_dicts, as_strings

_NAMESPACES = ("namespaces", "notNamespaces")
_PRINCIPALS = ("principals", "notPrincipals")
_DOMAINS = ("trustDomains", "notTrustDomains")
_WHEN = ("values", "notValues")
_ACCOUNTS = ("serviceAccounts", "notServiceAccounts")


class Plain(Struct, frozen=True):
    """Rules as ztunnel understands them.

    Attributes:
        rules: all of them; those that needed nothing as they were.
        expanded: fields whose stars were expanded to the namespaces of today.
    """

    rules: list[Tree]
    expanded: tuple[str, ...] = ()


def plain_rules(rules: list[Tree], context: Context, namespace: str) -> Plain:
    """Rules without what ztunnel reads otherwise than sidecars do."""
    bundle, spaces = context.index.settings.bundle, context.namespaces
    expanded: list[str] = []
    found: list[Tree] = []
    for number, rule in enumerate(rules):
        at = f"spec.rules[{number}]"
        for part in _by_source(rule, bundle):
            changed = _conditions(_sources(part, bundle), bundle, namespace)
            found.append(_with_namespaces(changed, spaces, at, expanded))
    return Plain(found, tuple(dict.fromkeys(expanded)))


def _by_source(rule: Tree, bundle: Bundle) -> list[Tree]:
    """Rules of one source each where trust domains of one have to become a condition."""
    sources = [as_dict(each.get("source")) for each in as_dicts(rule.get("from"))]
    if not any(_as_conditions(source, bundle) for source in sources):
        return [rule]
    return [_split(rule, source, bundle) for source in sources]


def _as_conditions(source: Tree, bundle: Bundle) -> dict[str, Tree]:
    """The conditions for trust domains, by field, that are not said by principals in the same source.

    That is where principals are asked for too, or service accounts, beside which the API takes no principals.
    """
    found = {}
    for (domains, principals), side in zip(zip(_DOMAINS, _PRINCIPALS, strict=True), _WHEN, strict=True):
        taken = domains == "trustDomains" and as_strings(source.get(principals))
        patterns = _of_domains(as_strings(source.get(domains)), bundle)
        if patterns and (taken or any(source.get(each) for each in _ACCOUNTS)):
            found[domains] = {"key": Attribute.PRINCIPAL.value, side: patterns}
    return found


def _split(rule: Tree, source: Tree, bundle: Bundle) -> Tree:
    conditions = _as_conditions(source, bundle)
    rest = {key: value for key, value in source.items() if key not in conditions}
    when = [*as_dicts(rule.get("when")), *conditions.values()]
    return {**rule, "from": [{"source": rest}], **({"when": when} if when else {})}


def _sources(rule: Tree, bundle: Bundle) -> Tree:
    if "from" not in rule:
        return rule
    return {
        **rule,
        "from": [
            {**each, "source": _source(as_dict(each.get("source")), bundle)} if "source" in each else each
            for each in as_dicts(rule.get("from"))
        ],
    }


def _source(source: Tree, bundle: Bundle) -> Tree:
    found = dict(source)
    for field in _PRINCIPALS:
        if written := as_strings(source.get(field)):
            found[field] = _principals(written, bundle)
    for domains, principals in zip(_DOMAINS, _PRINCIPALS, strict=True):
        patterns = _of_domains(as_strings(source.get(domains)), bundle)
        if patterns and not (domains == "trustDomains" and found.get(principals)):
            found[principals] = list(dict.fromkeys([*(found.get(principals) or ()), *patterns]))
            del found[domains]
    return found


def _conditions(rule: Tree, bundle: Bundle, namespace: str) -> Tree:
    if "when" not in rule:
        return rule
    return {**rule, "when": [_condition(each, bundle, namespace) for each in as_dicts(rule.get("when"))]}


def _condition(when: Tree, bundle: Bundle, namespace: str) -> Tree:
    """By principal, whatever of a peer's identity it asks for: an account in any trust domain ends alike."""
    match when.get("key"):
        case Attribute.PRINCIPAL.value:
            sides = {side: _principals(written, bundle) for side, written in _written(when)}
        case Attribute.SERVICE_ACCOUNT.value:
            sides = {side: [_any_domain(each, namespace) for each in written] for side, written in _written(when)}
        case Attribute.TRUST_DOMAIN.value:
            made = {side: _of_domains(written, bundle) for side, written in _written(when)}
            if None in made.values():
                return when
            sides = {side: each for side, each in made.items() if each is not None}
        case _:
            return when
    return {**when, "key": Attribute.PRINCIPAL.value, **sides}


def _written(when: Tree) -> Iterator[tuple[str, tuple[str, ...]]]:
    for side in _WHEN:
        if written := as_strings(when.get(side)):
            yield side, written


def _any_domain(account: str, namespace: str) -> str:
    space, slash, name = account.partition("/")
    return principal_of("*", *((space, name) if slash else (namespace, account)))


def _principals(written: tuple[str, ...], bundle: Bundle) -> list[str]:
    """With a variant for each alias; the same again gives the same."""
    found = tuple(dict.fromkeys(bundle.principals(written)))
    return list(found) if found == written else _principals(found, bundle)


def _of_domains(written: tuple[str, ...], bundle: Bundle) -> list[str] | None:
    """Principals of trust domains; None where a star stands within one."""
    if not written or any("*" in each and each != "*" for each in written):
        return None
    return ["*" if each == "*" else f"{each}/*" for each in bundle.trust_domains(written)]


def _with_namespaces(rule: Tree, spaces: tuple[str, ...], at: str, expanded: list[str]) -> Tree:
    found = dict(rule)
    if "from" in rule:
        found["from"] = [
            {**each, "source": _spread(as_dict(each.get("source")), _NAMESPACES, spaces, f"{at}.from", expanded)}
            if "source" in each
            else each
            for each in as_dicts(rule.get("from"))
        ]
    if "when" in rule:
        found["when"] = [
            _spread(each, _WHEN, spaces, f"{at}.when", expanded) if each.get("key") == "source.namespace" else each
            for each in as_dicts(rule.get("when"))
        ]
    return found


def _spread(
    fields: Tree, names: tuple[str, ...], spaces: tuple[str, ...], at: str, expanded: list[str]
) -> dict[str, Any]:
    """Values with a star within, and the namespaces that it stands for today beside them."""
    found = dict(fields)
    for name in names:
        written = as_strings(fields.get(name))
        meant = [space for value in written if _starred(value) for space in spaces if _means(value, space)]
        if any(_starred(value) for value in written):
            found[name] = list(dict.fromkeys([*written, *meant]))
            expanded.append(f"{at}.{name}")
    return found


def _starred(value: str) -> bool:
    """Whether ztunnel would read a star as a letter."""
    inner = value[1:] if value.startswith("*") else value.removesuffix("*")
    return "*" in inner


def _means(value: str, space: str) -> bool:
    term = Term(Attribute.NAMESPACE, values_of(Attribute.NAMESPACE, (value,), ""), Values(), "")
    return term_holds(term, Seen(identity=principal_of("d", space, "a")))
