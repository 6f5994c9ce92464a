"""Numbers with their nouns."""


def many(number: int, noun: str) -> str:
    """`1 wave`, `2 waves`, `1,200 pods`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
