"""Which format is asked for: by name, or by the extension of the file."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import TypeVar

from sidestep.cli.output import check_writable
from sidestep.errors import UsageError
from sidestep.report.formats import Format, format_named, format_of_file

ReportedT = TypeVar("ReportedT")


def chosen_format(asked: str | None, path: str | None, formats: Sequence[Format[ReportedT]]) -> Format[ReportedT]:
    """The format; also checks that the file can be made.

    Raises:
        UsageError: there is no such format of this report.
        WorldError: the file cannot be made.
    """
    if path is not None and path != "-":
        check_writable(path)
    names = [each.name for each in formats]
    if asked is not None:
        if asked not in names:
            raise UsageError(f"this is not made as {asked}", where="-o", remedy=f"use one of {', '.join(names)}")
        return format_named(asked, formats)
    if path is None or not PurePath(path).suffix:
        return format_named(names[0], formats)
    found = format_of_file(path, formats)
    if found is None:
        known = " ".join(extension for each in formats for extension in each.extensions)
        raise UsageError("no format has that extension", where=path, remedy=f"give -o, or one of {known}")
    return found
