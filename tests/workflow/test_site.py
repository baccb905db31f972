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


def test_the_site_is_built_without_a_warning_and_has_every_page(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr
    for page in (ROOT / "docs").rglob("*.md"):
        here = page.relative_to(ROOT / "docs").with_name(
            "index.html" if page.name == "README.md" else f"{page.stem}.html"
        )
        assert (tmp_path / here).is_file()
    assert (tmp_path / "repository/CHANGELOG.html").is_file()
    assert not (tmp_path / "site.py").exists()


def test_a_page_asks_no_other_machine_for_letters_styles_or_scripts(tmp_path: Path) -> None:
    assert build(ROOT, tmp_path).returncode == 0
    for page in tmp_path.rglob("*.html"):
        assert re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//[^"]*"', page.read_text()) == [], page


@pytest.mark.parametrize("link", ["nowhere.md", "getting-started.md#no-such-heading", "../no-such-file.txt"])
def test_a_link_that_leads_nowhere_stops_the_build(link: str, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("mkdocs.yml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "CITATION.cff"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "docs", root / "docs")
    shutil.copytree(ROOT / "benchmarks", root / "benchmarks")
    (root / "docs/odd.md").write_text(f"# Odd\n\n[odd]({link})\n")
    done = build(root, tmp_path / "site")
    assert done.returncode != 0
    assert "odd.md" in done.stdout + done.stderr
