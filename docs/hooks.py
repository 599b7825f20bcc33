"""What makes the Markdown of this repository, as a code host shows it, a site of MkDocs.

Pages outside of `docs/` (README, CHANGELOG, benchmarks) become pages of the site, and files that pages link to are
copied into it. Links are rewritten to match. Lists and tables get the empty line before them that Python-Markdown wants
and a code host does not. `<!-- cli -->` becomes the reference of the commands, `<!-- api: MODULE -->` that of a module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
OUTSIDE = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/*.md", "benchmarks/results/*.md"]
CODE = re.compile(r"^( *)```.*?^\1```|`[^`\n]*`|<!--.*?-->", re.S | re.M)
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
ITEM = re.compile(r"(?:[-*]|\d+\.) ")


def outside() -> dict[str, Path]:
    """Pages that are not in `docs/`: their address in the site, and the file."""
    paths = [path for pattern in OUTSIDE for path in sorted(ROOT.glob(pattern))]
    return {_address(path): path for path in paths}


def _address(path: Path) -> str:
    if path == ROOT / "README.md":
        return "index.md"
    inside = path.is_relative_to(DOCS)
    return path.relative_to(DOCS if inside else ROOT).as_posix()


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """`text` with `change` done to what is neither code nor a comment."""
    parts, at = [], 0
    for code in CODE.finditer(text):
        parts += [change(text[at : code.start()]), code.group()]
        at = code.end()
    return "".join([*parts, change(text[at:])])


def targets(page: Path) -> list[Path]:
    """Files that a page links to."""
    found = [match[2] for match in LINK.finditer(CODE.sub("", page.read_text()))]
    return [(page.parent / target).resolve() for target in found if "://" not in target]


def relinked(text: str, page: Path) -> str:
    """Links of a page of the repository as links of a page of the site."""
    here = Path(_address(page)).parent

    def link(match: re.Match[str]) -> str:
        target = (page.parent / match[2]).resolve()
        if not re.search(r"[./]", match[2]):  # a SMILES that is no code: [C@H](O)
            return match[0].replace("](", "]&#40;")
        if "://" in match[2] or not target.exists():
            return match[0]
        return match[1] + os.path.relpath(_address(target), here).replace(os.sep, "/") + match[3]

    return outside_code(text, lambda prose: LINK.sub(link, prose))


def spaced(text: str) -> str:
    """Empty lines before lists and tables that begin under a line of text, and bars of tables without backslashes."""
    lines: list[str] = []
    fenced = False
    for line in text.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        before = lines[-1] if lines else ""
        text_before = bool(before.strip()) and not before.startswith((" ", "#", "<!--")) and not ITEM.match(before)
        if not fenced and text_before and (ITEM.match(line) or line.startswith("|") and not before.startswith("|")):
            lines.append("")
        if not fenced and line.startswith("|"):
            line = re.sub(r"`[^`]*`", lambda code: code[0].replace("\\|", "|"), line)
        lines.append(line)
    return "\n".join(lines)


def commands() -> str:
    """Markdown of every command with its options, from the program itself."""
    import typer.main
    from typer.cli import get_docs_for_click

    from eginterpolator.cli.app import app

    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="egi")
    text = text[text.index("\n## ") :]  # the page has a title, and a table of the commands
    return outside_code(text, lambda prose: prose.replace("<", "&lt;"))


def on_files(files: Files, config: Any) -> Files:
    """Add pages and files that are not in `docs/`."""
    pages = outside()
    for address, path in pages.items():
        files.append(File.generated(config, address, abs_src_path=str(path)))
    for page in [*pages.values(), *DOCS.glob("*.md")]:
        for target in targets(page):
            if target.is_file() and not target.is_relative_to(DOCS) and not files.get_file_from_path(_address(target)):
                files.append(File.generated(config, _address(target), abs_src_path=str(target)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Rewrite one page; where it stands in the repository says its links."""
    source = outside().get(page.file.src_uri, DOCS / page.file.src_uri)
    text = relinked(spaced(markdown), source)
    text = re.sub(r"<!-- api: (\S+) -->", r"::: \1", text)
    return text.replace("<!-- cli -->", commands()) if "<!-- cli -->" in text else text
