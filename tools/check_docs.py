"""Hold the documentation against the code: help text, finding pages, schema, links, and what must not be committed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sidestep.audit.catalogue import RULES
from sidestep.report.schema import schema

ROOT = Path(__file__).resolve().parent.parent
FINDINGS = ROOT / "docs" / "findings"
SCHEMA = ROOT / "docs" / "schemas" / "audit.json"
SECTIONS = ("What it means", "Why it matters", "How to fix", "Example", "See also")
HELP_MARK = "<!-- help -->\n```text\n"
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_REGISTRIES = ("pypi[.]org", "pythonhosted[.]org", "proxy[.]golang[.]org", "registry[.]npmjs[.]org", "crates[.]io")
FORBIDDEN = {
    "a package registry's host": re.compile("|".join(_REGISTRIES)),
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(?:home|Users)/[a-z]"),
}


def problems() -> Iterator[str]:
    """Everything that does not agree."""
    yield from _help()
    yield from _pages()
    if not SCHEMA.exists() or SCHEMA.read_bytes() != schema():
        yield f"{SCHEMA.relative_to(ROOT)} is not what the code generates: run tools/check_docs.py --write"
    yield from _links()
    yield from _committed()
    yield from _locks()


def help_text() -> str:
    """What a user sees."""
    program = Path(sys.executable).parent / "sidestep"
    return subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout


def _help() -> Iterator[str]:
    readme = (ROOT / "README.md").read_text()
    _, mark, rest = readme.partition(HELP_MARK)
    if not mark:
        yield f"README.md has no help block ({HELP_MARK!r})"
    elif rest.partition("```")[0] != help_text():
        yield "README.md's help block is not what `sidestep --help` prints: run tools/check_docs.py --write"


def _pages() -> Iterator[str]:
    codes = {rule.code: rule for rule in RULES}
    pages = {path.stem: path.read_text() for path in FINDINGS.glob("SID*.md")}
    yield from (f"{code} has no page docs/findings/{code}.md" for code in codes.keys() - pages.keys())
    yield from (f"docs/findings/{code}.md is about no rule" for code in pages.keys() - codes.keys())
    index = (FINDINGS / "README.md").read_text()
    for code in sorted(codes.keys() & pages.keys()):
        rule, page = codes[code], pages[code]
        if not page.startswith(f"# {code}: {rule.title}\n\nSeverity: {rule.severity.value} · "):
            yield f"docs/findings/{code}.md does not open with the rule's title and severity"
        if [line[3:] for line in page.splitlines() if line.startswith("## ")] != list(SECTIONS):
            yield f"docs/findings/{code}.md must have the sections {', '.join(SECTIONS)}"
        if f"| [{code}]({code}.md) | {rule.severity.value} | {rule.title} |" not in index:
            yield f"docs/findings/README.md does not list {code} as it is"


def _links() -> Iterator[str]:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target in LINK.findall(page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{page.relative_to(ROOT)} links to {target}, which is not there"


def _committed() -> Iterator[str]:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    for name in listed.split():
        try:
            text = (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for what, pattern in FORBIDDEN.items():
            if pattern.search(text):
                yield f"{name} holds {what}"


def _locks() -> Iterator[str]:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        if "--index-url" in text or "http" in text.replace("httpx", "").replace("httpcore", ""):
            yield f"{lock.name} names an index"
        for block in re.split(r"\n(?=\S)", text):
            if block.strip() and "--hash=" not in block:
                yield f"{lock.name}: {block.splitlines()[0]} has no hash"


def write() -> None:
    """Renew what is generated."""
    SCHEMA.parent.mkdir(exist_ok=True)
    SCHEMA.write_bytes(schema())
    readme = ROOT / "README.md"
    before, mark, rest = readme.read_text().partition(HELP_MARK)
    if mark:
        readme.write_text(f"{before}{mark}{help_text()}```{rest.partition('```')[2]}")


def main() -> int:
    if "--write" in sys.argv:
        write()
    found = list(problems())
    print(*found, sep="\n", end="\n" if found else "")
    print(f"documentation: {len(found)} problems" if found else "documentation agrees with the code")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
