"""The names that programs may call: loaded late, documented with examples that run, and typed."""

import doctest
import importlib
import inspect
import subprocess
import sys

import pytest

import mgi
from mgi.models import encoder_names

NAMES = mgi.public_names()
WITHOUT_TORCH = {"dice", "dice_definitions", "read_split", "read_expression", "OpenImages", "MgiError"}


def test_importing_mgi_loads_no_library_and_scores_load_no_torch() -> None:
    script = (
        "import sys, mgi\n"
        "print(sorted({'numpy', 'pandas', 'pyarrow', 'torch', 'pydantic'} & set(sys.modules)))\n"
        f"for name in {sorted(WITHOUT_TORCH)}: getattr(mgi, name)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "False"]


def test_no_other_name_is_there() -> None:
    assert set(NAMES) <= set(dir(mgi))
    with pytest.raises(AttributeError, match="module 'mgi' has no attribute 'nothing'"):
        _ = mgi.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_defined_where_the_list_says_and_says_what_it_is(name: str) -> None:
    if name not in WITHOUT_TORCH:
        pytest.importorskip("torch")
    found = getattr(mgi, name)
    assert found.__module__ == NAMES[name]
    assert inspect.getdoc(found)
    members = vars(found).items() if inspect.isclass(found) else ()
    for member, value in members:
        if inspect.isfunction(value) and not member.startswith("_"):
            assert inspect.getdoc(value), member
            assert "return" in value.__annotations__, member


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_print_what_they_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_names, "_ADDED", {})
    if name not in WITHOUT_TORCH:
        pytest.importorskip("torch")
    names = {**vars(importlib.import_module(NAMES[name]))}
    if name == "register_gene_encoder":
        names |= {one: getattr(mgi, one) for one in ("ModelSettings", "build_gene_encoder")}
        names["torch"] = importlib.import_module("torch")
    for test in doctest.DocTestFinder(recurse=False).find(getattr(mgi, name), name, globs=names):
        found = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(test)
        assert found.failed == 0


def test_those_that_compute_have_an_example() -> None:
    shown = [name for name in NAMES if ">>>" in (inspect.getdoc(getattr(mgi, name)) or "")]
    expected = {"dice", "dice_definitions", "Mamba", "ImageEncoder", "build_gene_encoder", "clip_loss"}
    assert {*expected, "segmentation_loss", "register_gene_encoder"} <= set(shown)
