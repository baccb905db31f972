"""What the site needs beside docs/: files of the repository that its pages link to, and links that find them there."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
REPOSITORY = "repository"
"""Folder of the site for files that lie outside of docs/."""
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
TITLE = "The repository"


def on_files(files: Files, config: Any) -> Files:
    """Add the repository's own pages, and whatever a page links to outside of docs/."""
    sources = {f"docs/{file.src_uri}": file for file in files.documentation_pages()}
    wanted = {*PAGES}
    for page in [*sources, *PAGES]:
        targets = (target_of(page, link) for link in LINK.findall((ROOT / page).read_text(encoding="utf-8")))
        wanted |= {target for target in targets if not target.startswith("docs/") and (ROOT / target).is_file()}
    for path in sorted(wanted):
        files.append(File.generated(config, f"{REPOSITORY}/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let the links of a page lead to where their files lie in the site."""
    here = page.file.src_uri
    source = here.removeprefix(f"{REPOSITORY}/") if here.startswith(f"{REPOSITORY}/") else f"docs/{here}"
    folder = posixpath.dirname(here)
    return LINK.sub(lambda found: posixpath.relpath(in_site(target_of(source, found[1])), folder or "."), markdown)


def target_of(page: str, link: str) -> str:
    """The file of the repository that a page's link names; of a folder its README."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    return f"{path}/README.md" if (ROOT / path / "README.md").is_file() else path


def in_site(path: str) -> str:
    """Where a file of the repository lies in the site's sources."""
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{REPOSITORY}/{path}"
