"""`sidestep snapshot`."""

from datetime import UTC, datetime
from typing import Any

import click

from sidestep import __version__
from sidestep.cli.options import chosen_source, manner_options, source_options
from sidestep.cli.output import check_writable
from sidestep.cli.reading import SNAPSHOT_SUFFIX, Manner, read_mesh
from sidestep.errors import UsageError
from sidestep.sources.snapshot import new_hash_key, write_snapshot

_KEY_BYTES = 16


@click.command("snapshot")
@source_options
@click.option(
    "-f", "--file", "path", required=True, metavar="FILE", help=f"Write there; a name ending in {SNAPSHOT_SUFFIX}."
)
@click.option("--hash-names", is_flag=True, help="Replace names, hosts and label values by keyed hashes.")
@click.option("--hash-key", metavar="HEX", help="Hash with this key, so that snapshots can be compared.")
@click.option("--require-complete", is_flag=True, help="Exit with 1 when anything could not be read.")
@manner_options
def command(**values: Any) -> int:
    """Write everything that an audit needs into one file.

    Read it anywhere with --from FILE. It is compressed JSON, one object a line: `zcat FILE | jq` shows what leaves the
    building. Secrets are never read; values of environment variables, arguments of applications and applied
    configurations are left out. With --hash-names the key is printed once and stored nowhere.
    """
    source = chosen_source(values)
    path = values["path"]
    if not path.endswith(SNAPSHOT_SUFFIX):
        raise UsageError(f"{path!r} would not be recognised", where="-f", remedy=f"end the name in {SNAPSHOT_SUFFIX}")
    if source.paths and source.namespaces:
        raise UsageError("-n asks a cluster", where="-n", remedy="leave it out: a snapshot of files takes all of them")
    check_writable(path, "-f")
    key = _key(values["hash_key"], hashing=values["hash_names"])
    mesh = read_mesh(source, Manner(values["quiet"], values["verbose"]), require_complete=values["require_complete"])
    created = datetime.now(UTC).isoformat(timespec="seconds")
    write_snapshot(mesh, path, created=created, tool_version=__version__, hash_key=key)
    click.echo(f"wrote {path}: {len(mesh.pods):,} pods, {sum(map(len, mesh.resources.values())):,} objects", err=True)
    if key is not None and values["hash_key"] is None:
        click.echo(f"names are hashed with this key, which is stored nowhere: {key.hex()}", err=True)
    return 0


def _key(given: str | None, *, hashing: bool) -> bytes | None:
    if given is None:
        return new_hash_key() if hashing else None
    try:
        key = bytes.fromhex(given)
    except ValueError:
        key = b""
    if len(key) < _KEY_BYTES:
        raise UsageError("no key", where="--hash-key", remedy=f"give at least {_KEY_BYTES * 2} hexadecimal digits")
    return key
