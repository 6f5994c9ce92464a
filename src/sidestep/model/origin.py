"""Where an object was read, so that every finding can point at it."""

from msgspec import Struct


class FileOrigin(Struct, frozen=True, gc=False, tag="file"):
    """A place in a file.

    Attributes:
        path: as the user would type it; members of an archive read `archive.tgz!member.yaml`.
        line: 1-based line on which the object starts.
        document: 1-based number of the YAML document or JSON value in the file.
    """

    path: str
    line: int = 1
    document: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class ClusterOrigin(Struct, frozen=True, gc=False, rename="camel", tag="cluster"):
    """An object as an API server returned it.

    Attributes:
        cluster: name of the context, or of the snapshot's cluster.
        resource_version: at which it was read.
    """

    cluster: str
    resource_version: str = ""

    def __str__(self) -> str:
        return f"{self.cluster}@{self.resource_version}" if self.resource_version else self.cluster


Origin = FileOrigin | ClusterOrigin
