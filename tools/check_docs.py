"""Hold the documentation against the code: help text, finding pages, schema, links, and what must not be committed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sidestep.audit.catalogue import RULES
from sidestep.audit.rule import Rule
from sidestep.convert import catalogue as rewrites
from sidestep.convert.rewrite import Rule as Rewrite
from sidestep.report.schema import DOCUMENTS, file_name, schema
from tools import differences_pages, symptoms_page

ROOT = Path(__file__).resolve().parent.parent
FINDINGS = ROOT / "docs" / "findings"
REWRITES = ROOT / "docs" / "rewrites"
SCHEMAS = {ROOT / "docs" / "schemas" / file_name(top): schema(top) for top in DOCUMENTS}
SECTIONS = ("What it means", "Why it matters", "How to fix", "Example", "See also")
REWRITE_SECTIONS = ("What it does", "What is lost", "Example", "See also")
OPTIONAL_SECTION = "What it keeps"
SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n?)*)", re.MULTILINE)
HELP_MARK = "<!-- help -->\n```text\n"
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_REGISTRIES = ("pypi[.]org", "pythonhosted[.]org", "proxy[.]golang[.]org", "registry[.]npmjs[.]org", "crates[.]io")
FORBIDDEN = {
    "a package registry's host": re.compile("|".join(_REGISTRIES)),
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(?:home/(?!kubernetes)|Users/)[a-z]"),
}


def problems() -> Iterator[str]:
    """Everything that does not agree."""
    yield from _help()
    yield from pages()
    yield from rewrite_pages()
    for path, content in SCHEMAS.items():
        if not path.exists() or path.read_bytes() != content:
            yield f"{path.relative_to(ROOT)} is not what the code generates: run tools/check_docs.py --write"
    yield from _symptoms()
    yield from differences_pages.problems()
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


def pages(folder: Path = FINDINGS) -> Iterator[str]:
    """Where the pages of findings and their index disagree with the catalogue."""
    codes = {rule.code: rule for rule in RULES}
    texts = {path.stem: path.read_text() for path in folder.glob("SID*.md")}
    yield from (f"{code} has no page docs/findings/{code}.md" for code in codes.keys() - texts.keys())
    yield from (f"docs/findings/{code}.md is about no rule" for code in texts.keys() - codes.keys())
    for code in sorted(codes.keys() & texts.keys()):
        yield from _page(codes[code], texts[code])
    listed = [line for line in (folder / "README.md").read_text().splitlines() if line.startswith("| [")]
    if listed != [_row(rule) for rule in RULES]:
        yield "docs/findings/README.md does not list the rules as they are, in the order of their codes"


def _page(rule: Rule, page: str) -> Iterator[str]:
    known = ", ".join(rule.also) or "no other tool's code"
    if not page.startswith(
        f"# {rule.code}: {rule.title}\n\nSeverity: {rule.severity.value} · Also known as: {known}\n"
    ):
        yield f"docs/findings/{rule.code}.md does not open with the rule's title, severity and other codes"
    sections = SECTION.findall(page)
    if [name for name, _ in sections] != list(SECTIONS):
        yield f"docs/findings/{rule.code}.md must have the sections {', '.join(SECTIONS)}"
    yield from (
        f"docs/findings/{rule.code}.md says nothing under {name}" for name, text in sections if not text.strip()
    )


def rewrite_pages(folder: Path = REWRITES) -> Iterator[str]:
    """Where the pages of rewrites and their index disagree with the catalogue."""
    rules = sorted(rewrites.RULES, key=lambda rule: rule.code)
    codes = {rule.code: rule for rule in rules}
    texts = {path.stem: path.read_text() for path in folder.glob("SID*.md")}
    yield from (f"{code} has no page docs/rewrites/{code}.md" for code in sorted(codes.keys() - texts.keys()))
    yield from (f"docs/rewrites/{code}.md is about no rewrite" for code in sorted(texts.keys() - codes.keys()))
    for code in sorted(codes.keys() & texts.keys()):
        yield from _rewrite_page(codes[code], texts[code])
    listed = [line for line in (folder / "README.md").read_text().splitlines() if line.startswith("| [")]
    if listed != [f"| [{each.code}]({each.code}.md) | {each.title} | {', '.join(each.kinds)} |" for each in rules]:
        yield "docs/rewrites/README.md does not list the rewrites as they are, in the order of their codes"


def _rewrite_page(rule: Rewrite, page: str) -> Iterator[str]:
    if not page.startswith(f"# {rule.code}: {rule.title}\n\nTakes: {', '.join(rule.kinds)} · Name: {rule.name}\n"):
        yield f"docs/rewrites/{rule.code}.md does not open with the rewrite's title, kinds and name"
    sections = SECTION.findall(page)
    if [name for name, _ in sections if name != OPTIONAL_SECTION] != list(REWRITE_SECTIONS):
        yield f"docs/rewrites/{rule.code}.md must have the sections {', '.join(REWRITE_SECTIONS)}"
    yield from (
        f"docs/rewrites/{rule.code}.md says nothing under {name}" for name, text in sections if not text.strip()
    )


def _row(rule: Rule) -> str:
    return f"| [{rule.code}]({rule.code}.md) | {rule.severity.value} | {rule.title} | {', '.join(rule.also) or '-'} |"


def _symptoms() -> Iterator[str]:
    listed = symptoms_page.PAGE
    if not listed.exists() or listed.read_text() != symptoms_page.page():
        yield f"{listed.relative_to(ROOT)} is not what the code generates: run tools/check_docs.py --write"


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
    for path, content in SCHEMAS.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    symptoms_page.main()
    differences_pages.main()
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
