"""Hold the size budget of the source: files and functions that fit in the head."""

import ast
from pathlib import Path
from statistics import median, quantiles

SOURCE = Path(__file__).resolve().parent.parent / "src"
FILE_MEDIAN, FILE_P90, FILE_LIMIT = 130, 350, 600
FUNCTION_MEDIAN, FUNCTION_P90 = 10, 40


def functions(tree: ast.Module) -> list[tuple[int, str]]:
    """Lines and name of every function."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [((node.end_lineno or 0) - node.lineno + 1, node.name) for node in ast.walk(tree) if isinstance(node, kinds)]


def p90(values: list[int]) -> float:
    return quantiles(values, n=10)[-1]


def main() -> int:
    files = {path: len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")}
    lengths = [length for path in files for length, _ in functions(ast.parse(path.read_text()))]
    sizes = list(files.values())
    rows = (
        ("file median", median(sizes), FILE_MEDIAN),
        ("file p90", p90(sizes), FILE_P90),
        ("file longest", max(sizes), FILE_LIMIT),
        ("function median", median(lengths), FUNCTION_MEDIAN),
        ("function p90", p90(lengths), FUNCTION_P90),
    )
    print(f"{len(files)} files, {sum(sizes):,} lines, {len(lengths):,} functions")
    for what, value, budget in rows:
        print(f"  {what:<16} {value:>6.0f}  of {budget}{'  EXCEEDED' if value > budget else ''}")
    for path, size in sorted(files.items(), key=lambda item: -item[1])[:3]:
        print(f"  longest: {path.relative_to(SOURCE)} ({size})")
    return 1 if any(value > budget for _, value, budget in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
