"""What turned one tree into another, done to a third."""

from typing import Any


def carried(before: Any, after: Any, onto: Any) -> Any:
    """`onto` with everything changed in which `after` differs from `before`; lists are changed as a whole."""
    if before == after:
        return onto
    if onto == before or not (isinstance(before, dict) and isinstance(after, dict) and isinstance(onto, dict)):
        return after
    result = dict(onto)
    for name in (*before, *(each for each in after if each not in before)):
        if name not in after:
            result.pop(name, None)
        elif name not in before:
            result[name] = after[name]
        elif before[name] != after[name]:
            result[name] = carried(before[name], after[name], onto[name]) if name in onto else after[name]
    return result
