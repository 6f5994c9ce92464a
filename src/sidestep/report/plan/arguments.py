"""What kubectl calls an object, quoted for a POSIX shell."""

from shlex import quote

from sidestep.model.kinds import KINDS
from sidestep.model.metadata import ObjectId


def target(resource: str, namespace: str, name: str) -> str:
    """`plural.group/name`, and the namespace that it is in."""
    return f"{quote(f'{resource}/{name}')}{within(namespace)}"


def object_target(named: ObjectId) -> str:
    """The same of an object; kinds that Sidestep does not know go by `Kind.version.group`."""
    group, _, version = named.api_version.rpartition("/")
    known = next((kind.key for kind in KINDS if (kind.name, kind.group) == (named.kind, group)), "")
    return target(known or (f"{named.kind}.{version}.{group}" if group else named.kind), named.namespace, named.name)


def within(namespace: str) -> str:
    """The option for a namespace; nothing for cluster-scoped kinds."""
    return f" --namespace {quote(namespace)}" if namespace else ""
