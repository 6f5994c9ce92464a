"""Authorizations as `istio.security.Authorization` (ztunnel.md §3.8).

Clauses that lost all their conditions stay, as empty matches: ztunnel skips these and then finds that nothing matches.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from google.protobuf.message import Message

from sidestep.controlplane.wds.tables import SECURITY
from sidestep.semantics.authorization.ztunnel import Account, Address, Authorization, Group, Match, Side

_ANY = "*"


def authorization_message(authorization: Authorization) -> Message:
    """The message of an authorization."""
    message: Message = SECURITY["Authorization"](
        name=authorization.name,
        namespace=authorization.namespace,
        scope=authorization.scope.value,
        action=authorization.action.value,
        rules=map(_rule, authorization.groups),
    )
    return message


def _rule(group: Group) -> Any:
    return SECURITY["Rule"](clauses=[SECURITY["Clause"](matches=map(_match, clause)) for clause in group.clauses])


def _match(match: Match) -> Any:
    message = SECURITY["Match"]()
    for prefix, side in (("", match.positive), ("not_", match.negative)):
        for field, values in _fields(side):
            getattr(message, prefix + field).extend(values)
    return message


def _fields(side: Side) -> Iterable[tuple[str, Iterable[Any]]]:
    yield "namespaces", map(_string, side.namespaces)
    yield "principals", map(_string, side.principals)
    yield "source_ips", map(_address, side.source_ips)
    yield "destination_ips", map(_address, side.destination_ips)
    yield "destination_ports", side.ports
    yield "service_accounts", map(_account, side.accounts)


def _string(written: str) -> Any:
    """From the policy's own form; a star at the front counts before one at the end."""
    match = SECURITY["StringMatch"]()
    if written == _ANY:
        match.presence.SetInParent()
    elif written.startswith(_ANY):
        match.suffix = written.removeprefix(_ANY)
    elif written.endswith(_ANY):
        match.prefix = written.removesuffix(_ANY)
    else:
        match.exact = written
    return match


def _address(address: Address) -> Any:
    return SECURITY["Address"](address=ip_address(address.ip).packed, length=address.length)


def _account(account: Account) -> Any:
    return SECURITY["ServiceAccountMatch"](namespace=account.namespace, serviceAccount=account.account)
