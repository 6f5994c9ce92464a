"""What an image's reference says of the version inside it."""

import re

_NUMBER = re.compile(r"v?(\d+\.\d+\.\d+)(?!\d)")


def tag_of(image: str) -> str:
    """The tag of an image, less a variant such as `-distroless`; empty for a digest alone."""
    name, _, _ = image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return tag.removesuffix("-distroless").removesuffix("-debug")


def release_of(image: str | None) -> str | None:
    """The release that a tag begins with, `1.29.2` for `1.29.2-asm.3`; None where the tag names none (`latest`)."""
    found = _NUMBER.match(tag_of(image or ""))
    return found[1] if found else None
