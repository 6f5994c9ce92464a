"""How to reach one API server, and as whom."""

from msgspec import Struct


class ExecPlugin(Struct, frozen=True):
    """A program that prints credentials (client.authentication.k8s.io)."""

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    api_version: str = "client.authentication.k8s.io/v1"
    install_hint: str = ""
    provides_cluster_info: bool = False


class Credentials(Struct, frozen=True):
    """Who asks: at most one way is used, in the order of the fields. Never printed: `repr` shows none of it."""

    token_file: str | None = None
    token: str | None = None
    plugin: ExecPlugin | None = None
    username: str | None = None
    password: str | None = None
    certificate: bytes | None = None
    key: bytes | None = None

    def __repr__(self) -> str:
        return "Credentials(…)"


class Access(Struct, frozen=True):
    """One cluster and one user.

    Attributes:
        name: of the context, for people.
        server: URL of the API server.
        credentials: who asks.
        authority: PEM of the certificate authority; None for the system's.
        insecure: certificates are not checked.
        server_name: name expected in the server's certificate, where it differs from the URL's.
        proxy: URL of a proxy.
        namespace: the context's own.
        timeout: seconds for one request.
    """

    name: str
    server: str
    credentials: Credentials = Credentials()
    authority: bytes | None = None
    insecure: bool = False
    server_name: str | None = None
    proxy: str | None = None
    namespace: str = ""
    timeout: float = 60.0
