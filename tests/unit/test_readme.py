"""The README and the pages under docs/ name only what exists, and nothing that holds on one machine alone."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgi.cli import command_names
from mgi.config.tree import checked

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIGURE_PAGE = (ROOT / "docs/explanation/how-data-flows.md").read_text(encoding="utf-8")
TOP_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]
RULES = [ROOT / "workflow/Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
ROOMS = ("config", "docs", "envs", "profiles", "src", "tests", "workflow")
REGISTRY = re.compile(
    r"pypi\.|pythonhosted|download\.pytorch|conda\.anaconda|anaconda\.org|huggingface\.co|ghcr\.io|docker\.io|npmjs|"
    r"proxy\.golang|crates\.io"
)
ABSOLUTE = re.compile(r"(?<![\w.<>~/-])/(?:home|root|work|tmp|usr|opt|mnt|media|srv|var|etc|Users|scratch)\b")


def blocks(language: str) -> list[tuple[str, str]]:
    """Page and text of every fenced block of a language."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [(relative(page), text) for page in PAGES for text in pattern.findall(page.read_text())]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def rule_names() -> list[str]:
    return [name for path in RULES for name in re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE)]


def code_of(text: str) -> str:
    """What stands in code: fenced blocks and spans between backticks."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*fenced, *spans])


@pytest.mark.parametrize("name", rule_names())
def test_every_rule_stands_in_the_figure(name: str) -> None:
    (figure,) = re.findall(r"^```mermaid\n(.*?)^```", FIGURE_PAGE, re.MULTILINE | re.DOTALL)
    assert re.search(rf"\b{name}\b", figure)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", code_of(page.read_text()), re.MULTILINE)) - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_command_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"python -m mgi ([a-z][\w-]*)", code_of(page.read_text())))
    assert named - set(command_names()) == set()
    started = set(re.findall(r"python -m mgi_standin ([a-z][\w-]*)", code_of(page.read_text())))
    assert started <= {"archive", "simulate"}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_file_of_the_repository_that_is_named_exists(page: Path) -> None:
    named = re.findall(rf"(?<![\w./{{}}-])((?:{'|'.join(ROOMS)})/[\w./-]*\w/?)", code_of(page.read_text()))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_to_a_heading_finds_it(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text())
    inside = [((page.parent / link if link else page), heading) for link, heading in links if "://" not in link]
    assert [(relative(target.resolve()), name) for target, name in inside if name not in headings(target)] == []


def headings(page: Path) -> set[str]:
    """The anchors of a page, as the places that show Markdown make them."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = [re.sub(r"[`*]", "", title).strip().lower() for title in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+\.py)`", FIGURE_PAGE))))
def test_every_file_of_the_walks_exists(name: str) -> None:
    assert [path for path in (ROOT / "src/mgi").rglob("*.py") if f"/{path.relative_to(ROOT)}".endswith(f"/{name}")]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CITATION.cff"], ids=relative)
def test_no_registry_and_no_absolute_path_is_named(page: Path) -> None:
    text = page.read_text()
    assert REGISTRY.findall(text) == []
    assert [found.group() for found in ABSOLUTE.finditer(text)] == []


@pytest.mark.parametrize(("page", "text"), blocks("yaml"))
def test_every_config_that_is_shown_is_accepted(page: str, text: str) -> None:
    config = yaml.safe_load((ROOT / "config/kaggle.yaml").read_text())
    given = yaml.safe_load(text)
    if "plugins" not in given:
        checked(laid_over(config, given))


def laid_over(config: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A config with another on top, key by key, as Snakemake does it."""
    merged = dict(config)
    for key, value in given.items():
        below = config.get(key)
        merged[key] = laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


@pytest.mark.parametrize("target", ["locks", "data", "train", "evaluation"])
def test_every_stage_is_shown_as_a_command(target: str) -> None:
    assert f"snakemake {target} --configfile config/demo.yaml" in README
