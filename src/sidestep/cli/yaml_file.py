"""Small files that users write in YAML or JSON."""

from pathlib import Path

import yaml

from sidestep.errors import WorldError


def yaml_file(path: str, option: str) -> object:
    """What a file says.

    Raises:
        WorldError: it cannot be read, or is no YAML.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=path, remedy=f"check {option}") from error
    except UnicodeDecodeError as error:
        raise WorldError("is no text in UTF-8", where=path, remedy=f"check {option}") from error
    try:
        found: object = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise WorldError(f"is no YAML: {told}", where=path, remedy=f"check {option}") from error
    return found
