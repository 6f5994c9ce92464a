"""What a rule does with its requests, as fields of a rule of the Gateway API."""

from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import Tree
from sidestep.convert.routes.answers import cors_filter, redirect_filter
from sidestep.convert.routes.destinations import Place, references
from sidestep.convert.routes.flat import FlatRule
from sidestep.convert.routes.forms import LONGEST_PATH
from sidestep.convert.routes.header_edits import header_filters, is_hostname
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.convert.routes.mirrors import mirror_filters
from sidestep.convert.routes.retries import Attempts, Defaults, attempts
from sidestep.semantics.trees import MalformedError, mapping, text

_KNOWN = frozenset({
    "name", "match", "route", "redirect", "directResponse", "delegate", "rewrite", "timeout", "retries", "fault",
    "mirror", "mirrors", "mirrorPercent", "mirrorPercentage", "corsPolicy", "headers",
})  # fmt: skip
_MOST_FILTERS = 16


class Body(Struct, frozen=True):
    """A rule without its matches.

    Attributes:
        name: as written.
        filters: all but the rewrite of the path.
        hostname: in place of the request's.
        references: weighted; none for a redirect.
        attempts: time limits and retries.
        rewrite: what takes the place of the matched path; empty for none.
    """

    name: str = ""
    filters: tuple[Tree, ...] = ()
    hostname: str = ""
    references: tuple[Tree, ...] = ()
    attempts: Attempts = Attempts()
    rewrite: str = ""

    def fields(self, path: Tree | None) -> Tree:
        """Fields of a rule, with what becomes of the path of its matches."""
        change = {**({"hostname": self.hostname} if self.hostname else {}), **({"path": path} if path else {})}
        filters = [*self.filters, *([{"type": "URLRewrite", "urlRewrite": change}] if change else [])]
        found: Tree = {"filters": filters} if filters else {}
        if self.references:
            found["backendRefs"] = list(self.references)
        if self.attempts.timeouts:
            found["timeouts"] = dict(self.attempts.timeouts)
        if self.attempts.retry:
            found["retry"] = dict(self.attempts.retry)
        return found


def body(rule: FlatRule, place: Place, defaults: Defaults, ledger: Ledger) -> Body:
    """What a rule does.

    Raises:
        MalformedError: a field has a wrong type, or it does nothing.
    """
    tree, field = rule.tree, rule.field
    ledger.unknown_fields(tree, _KNOWN, field)
    _without_counterpart(tree, field, ledger)
    told = header_filters(tree.get("headers"), f"{field}.headers", ledger)
    redirect = redirect_filter(tree.get("redirect"), f"{field}.redirect", defaults.served, ledger)
    cors = cors_filter(tree.get("corsPolicy"), f"{field}.corsPolicy", defaults.served, ledger)
    filters = (*([cors] if cors else []), *told.filters)
    name = text(tree.get("name"), f"{field}.name")
    if redirect is not None:
        return Body(name, (*filters, redirect))
    if tree.get("directResponse") is not None:
        return Body(name, filters)
    refs, own = references(tree.get("route"), f"{field}.route", place, ledger)
    mirrors = mirror_filters(tree, field, place, ledger)
    uri, hostname = _rewrite(tree.get("rewrite"), f"{field}.rewrite", ledger)
    if len(filters) + len(mirrors) >= _MOST_FILTERS:
        ledger.keep(field, "does many things at once", "a route's rule holds 16 filters", AS_IT_IS)
    limits = attempts(tree, field, defaults, ledger)
    return Body(name, (*filters, *mirrors), hostname or told.authority or own, tuple(refs), limits, uri)


def _without_counterpart(tree: Any, field: str, ledger: Ledger) -> None:
    if tree.get("fault") is not None:
        ledger.keep(f"{field}.fault", "injects faults", "routes of the Gateway API inject none", AS_IT_IS)
    if tree.get("directResponse") is not None:
        why = "routes of the Gateway API send no answer of their own"
        ledger.keep(f"{field}.directResponse", "answers by itself", why, AS_IT_IS)
    if tree.get("delegate") is not None:
        raise MalformedError(f"{field}.delegate: a delegate may not delegate")


def _rewrite(value: object, field: str, ledger: Ledger) -> tuple[str, str]:
    tree = mapping(value, field)
    ledger.unknown_fields(tree, frozenset({"uri", "authority", "uriRegexRewrite"}), field)
    if tree.get("uriRegexRewrite") is not None:
        why = "routes replace prefixes or whole paths"
        ledger.keep(f"{field}.uriRegexRewrite", "rewrites paths by expression", why, AS_IT_IS)
    uri, authority = text(tree.get("uri"), f"{field}.uri"), text(tree.get("authority"), f"{field}.authority")
    if "\\" in uri:
        ledger.keep(f"{field}.uri", f"writes {uri}", "a route would read the backslash as a reference", AS_IT_IS)
    if len(uri) > LONGEST_PATH:
        ledger.keep(f"{field}.uri", f"writes {len(uri)} letters", f"a route holds {LONGEST_PATH}", AS_IT_IS)
    if authority and not is_hostname(authority):
        ledger.keep(f"{field}.authority", f"sets {authority}", "a route can set a plain host name only", AS_IT_IS)
    return uri, authority
