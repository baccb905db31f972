"""A path works, whatever a folder may be called, or is refused by its key before any job."""

from pathlib import Path
from typing import Any

import pytest

from mgi.config.tree import checked, tree
from mgi.core.errors import ConfigError

PLACES = [
    "results",
    "cohort.sites",
    "model.pathways",
    *(f"modalities.flair.{key}" for key in ("archive", "folder", "lock", "manifest", "patients")),
    *(f"modalities.rna.{key}" for key in ("lock", "table", "fit.gene_list", "fit.positions")),
]
TREE = tree()
ODD = "o'h \"ü 日本 $HOME `id`;&|*?[a]!#\\n %s ~x=:,"


def with_path(place: str, path: str) -> dict[str, Any]:
    value: Any = path
    for name in reversed(place.split(".")):
        value = {name: value}
    return dict(value)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("path", ["", "  ", "a{b}.tsv", "{", "a<b", "<results>", "-x", "--help"])
def test_a_path_that_the_workflow_would_read_otherwise_is_refused(place: str, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        TREE.read(with_path(place, path))
    assert str(refused.value).startswith(f"{place}: found ")


def test_a_plugin_is_a_path_too(tmp_path: Path) -> None:
    (tmp_path / "a{b}.py").touch()
    with pytest.raises(ConfigError, match=r"^plugins\[0\]: found .*a\{b\}\.py"):
        checked({"plugins": [str(tmp_path / "a{b}.py")]})


@pytest.mark.parametrize("place", ["results", "cohort.sites", "modalities.rna.table"])
@pytest.mark.parametrize("path", ["a\nb", "a\0b", "a\tb", "a\x1b[31mb", "a\x7f", "a\u2028b", "\ud800"])
def test_control_characters_are_refused_in_one_line(place: str, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checked(with_path(place, path))
    assert str(refused.value).startswith(f"{place}: found ")
    assert str(refused.value).isprintable()


def test_any_other_text_is_refused_with_control_characters_too() -> None:
    with pytest.raises(ConfigError, match=r"^cohort\.exclude\[1\]: found "):
        checked({"cohort": {"exclude": ["P1", "P\0002"]}})


@pytest.mark.parametrize("place", ["results", "cohort.sites", "model.pathways", "modalities.rna.lock"])
def test_an_odd_name_is_kept_as_it_is(place: str) -> None:
    filled: Any = TREE.read(with_path(place, ODD)).plain()
    for name in place.split("."):
        filled = filled[name]
    assert filled == ODD


@pytest.mark.parametrize(("given", "kept"), [("./r/", "r"), ("a//b/./c/", "a/b/c"), ("/x/", "/x"), ("../r", "../r")])
def test_the_results_folder_is_written_without_what_means_nothing(given: str, kept: str) -> None:
    assert checked({"results": given})["results"] == kept


@pytest.mark.parametrize("given", [".", "/", "./", "//"])
def test_the_results_need_a_folder_of_their_own(given: str) -> None:
    with pytest.raises(ConfigError, match=r"^results: found .* folder"):
        checked({"results": given})
