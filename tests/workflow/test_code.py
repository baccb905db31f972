"""The fingerprint of a command moves with the code that it runs and with nothing else."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib.code import closure, fingerprint, read_module

SOURCE = Path(__file__).parents[2] / "src"
MODALITIES = [
    f"mgi.modalities.{name}" for name in ("rna.sources.opening", "rna.shard", "flair.sources.opening", "flair.shard")
]
FILES = {
    "mgi/__init__.py": "",
    "mgi/commands/__init__.py": "",
    "mgi/commands/draw_map.py": "from mgi.maps import ink\n\ndef run():\n    from mgi.maps.late import pen\n",
    "mgi/commands/other.py": "import json\n",
    "mgi/commands/served.py": 'COMMAND = ["-m", "mgi_standin", "serve"]\n',
    "mgi_standin/__init__.py": "",
    "mgi_standin/__main__.py": "def main():\n    from mgi_standin.commands import serve\n",
    "mgi_standin/commands/__init__.py": "",
    "mgi_standin/commands/serve.py": "",
    "mgi/maps/__init__.py": "",
    "mgi/maps/ink.py": 'import mgi.core.dots\nFILE = "ink.cpp"\n\ndef f(x):\n    """One."""\n    return x + 1\n',
    "mgi/maps/late.py": "pen = 1\n",
    "mgi/maps/unused.py": "pass\n",
    "mgi/maps/kernels/ink.cpp": "int x;\n",
    "mgi/maps/kernels/other.cpp": "int y;\n",
    "mgi/core/__init__.py": "",
    "mgi/core/dots.py": "dot = 1\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_closure_holds_imports_of_imports_and_those_inside_functions(source: Path) -> None:
    assert closure(source, "mgi.commands.draw_map") == [
        "mgi", "mgi.commands", "mgi.commands.draw_map", "mgi.core", "mgi.core.dots", "mgi.maps", "mgi.maps.ink",
        "mgi.maps.late",
    ]  # fmt: skip


def test_a_package_that_is_started_as_a_program_belongs_to_the_code(source: Path) -> None:
    assert closure(source, "mgi.commands.served") == [
        "mgi", "mgi.commands", "mgi.commands.served", "mgi_standin", "mgi_standin.__main__", "mgi_standin.commands",
        "mgi_standin.commands.serve",
    ]  # fmt: skip
    assert fingerprint(source, "serve") != fingerprint(source, "served")


@pytest.mark.parametrize(
    ("name", "edit", "moves"),
    [
        ("mgi/maps/ink.py", lambda text: text.replace("x + 1", "x + 2"), True),
        ("mgi/maps/ink.py", lambda text: text.replace("One.", "Two."), False),
        ("mgi/maps/ink.py", lambda text: text.replace("return", "# why\n\n    return"), False),
        ("mgi/maps/ink.py", lambda text: text.replace("x + 1", "(x\n            + 1)"), False),
        ("mgi/maps/late.py", lambda text: "pen = 2\n", True),
        ("mgi/core/dots.py", lambda text: "dot = 2\n", True),
        ("mgi/maps/unused.py", lambda text: "raise SystemExit\n", False),
        ("mgi/commands/other.py", lambda text: "import csv\n", False),
        ("mgi/maps/kernels/ink.cpp", lambda text: "int z;\n", True),
        ("mgi/maps/kernels/other.cpp", lambda text: "int z;\n", False),
    ],
)
def test_only_an_edit_that_can_change_what_runs_moves_the_fingerprint(
    source: Path, name: str, edit: Callable[[str], str], moves: bool
) -> None:
    before = fingerprint(source, "draw-map")
    read_module.cache_clear()
    path = source / name
    path.write_text(edit(path.read_text()))
    assert (fingerprint(source, "draw-map") != before) is moves


def test_the_place_of_the_package_does_not_matter(source: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name, text in FILES.items():
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_text(text)
    assert fingerprint(source, "draw-map") == fingerprint(elsewhere, "draw-map")


def test_an_unknown_command_is_named(source: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"mgi\.commands\.draw_plan .*'draw-plan'"):
        fingerprint(source, "draw-plan")


def test_the_half_that_moves_data_does_not_hang_on_the_half_that_learns() -> None:
    for command in (
        "simulate",
        "lock",
        "fetch",
        "shard",
        "evaluate",
        "compare",
        "report",
    ):
        reached = closure(SOURCE, f"mgi.commands.{command}", *MODALITIES)
        assert not [name for name in reached if name.startswith(("mgi.models", "mgi.training"))], command


def test_a_module_that_is_loaded_by_name_and_a_plugin_count_too(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = fingerprint(source, "other")
    assert fingerprint(source, "other", "mgi.maps.ink") != bare
    plugin = source / "own.py"
    plugin.write_text("from mgi.maps import late\n")
    monkeypatch.setitem(sys.modules, "own", SimpleNamespace(__file__=str(plugin)))
    before = fingerprint(source, "other", "own")
    plugin.write_text("from mgi.maps import late  # edited\n")
    assert fingerprint(source, "other", "own") != before
    (source / "mgi/maps/late.py").write_text("pen = 3\n")
    after = fingerprint(source, "other", "own")
    read_module.cache_clear()
    assert fingerprint(source, "other", "own") != after


ASK = """
import ast, sys
from pathlib import Path
from lib.code import fingerprint, keep_parsed
keep_parsed(Path(sys.argv[1]))
if sys.argv[3] == "kept":
    ast.parse = None
print(fingerprint(Path(sys.argv[2]), "draw-map"))
"""


def asked(kept: Path, source: Path, how: str) -> str:
    command = [sys.executable, "-c", ASK, str(kept), str(source), how]
    folders = {"PYTHONPATH": f"{SOURCE}{os.pathsep}{SOURCE.parent / 'workflow'}"}
    return subprocess.run(command, env=os.environ | folders, check=True, capture_output=True, text=True).stdout.strip()


def test_a_second_run_parses_no_text_again_and_sees_an_edit(
    source: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = tmp_path_factory.mktemp("kept") / ".snakemake/code.json"
    first = asked(kept, source, "parsed")
    assert asked(kept, source, "kept") == first == fingerprint(source, "draw-map")
    (source / "mgi/maps/late.py").write_text("pen = 2\n")
    assert asked(kept, source, "parsed") != first


@pytest.mark.parametrize("content", ["", "[]", '{"maker": "another", "modules": {"a": 1}}', '{"modules": 3}'])
def test_what_another_version_kept_is_passed_over(
    source: Path, tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    kept = tmp_path_factory.mktemp("kept") / "code.json"
    kept.write_text(content)
    assert asked(kept, source, "parsed") == fingerprint(source, "draw-map")
    assert asked(kept, source, "kept") == fingerprint(source, "draw-map")
