"""The pages as a site, where mkdocs is installed: it is built without a warning, and a dead link is one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("material")
ROOT = Path(__file__).parents[2]


def build(root: Path, to: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(to)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("site")
    done = build(ROOT, to)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr
    return to


def test_the_site_is_built_without_a_warning_and_has_every_page(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        name = "index.html" if page.name == "README.md" else f"{page.stem}.html"
        assert (site / page.relative_to(ROOT / "docs").with_name(name)).is_file()
    assert (site / "repository/CHANGELOG.html").is_file()
    assert not (site / "site.py").exists()


def test_a_page_asks_no_other_machine_for_letters_styles_or_scripts(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//[^"]*"', page.read_text()) == [], page


def test_links_that_lead_nowhere_stop_the_build(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("mkdocs.yml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "CITATION.cff"):
        shutil.copy(ROOT / name, root)
    for name in ("docs", "benchmarks", "config"):
        shutil.copytree(ROOT / name, root / name)
    links = ("nowhere.md", "getting-started.md#no-such-heading", "../no-such-file.txt")
    (root / "docs/odd.md").write_text("# Odd\n\n" + "".join(f"[odd]({link})\n" for link in links))
    done = build(root, tmp_path / "site")
    assert done.returncode != 0
    found = [line for line in done.stderr.splitlines() if "odd.md" in line]
    assert [any(link.rsplit("/")[-1] in line for line in found) for link in links] == [True] * 3, done.stderr
