import argparse
import importlib
import logging
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

import mgi
from mgi.cli import GROUPS, command_names, group_of, main, parser_of, summary_of
from mgi.core.errors import BadInputError, ConfigError, IntegrityError, MgiError, NetworkError, ResourceError
from mgi.core.last_resort import UNEXPECTED

SOURCE = Path(__file__).parents[2] / "src"
WITH_TORCH = {
    "embed",
    "explain",
    "prepare-slices",
    "pretrain",
    "finetune",
    "import-nnunet",
    "predict",
    "predict-fold",
    "tile-attention",
    "release",
}


@pytest.fixture
def stand_in(monkeypatch) -> Callable[[Callable[[], None]], None]:
    """Put an action in the place of the command `split`, which then takes one optional argument."""

    def install(action: Callable[[], None]) -> None:
        command = ModuleType("mgi.commands.split")

        def add_options(options: argparse.ArgumentParser) -> None:
            options.add_argument("--fold", type=int)

        command.add_options, command.run = add_options, lambda _: action()
        monkeypatch.setitem(sys.modules, command.__name__, command)

    return install


def raising(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


def as_program(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the package in its path."""
    env = {"PYTHONPATH": str(SOURCE), **environment}
    return subprocess.run([sys.executable, *command], env=env, capture_output=True, text=True, check=False)


def test_commands_are_listed_as_typed_and_sorted() -> None:
    names = command_names()
    assert {"lock", "shard", "lock-diff", "pretrain", "evaluate"} <= set(names)
    assert names == sorted(names)
    assert not any("_" in name or name.startswith("-") for name in names)


def test_help_lists_every_command_in_its_group_with_one_line(capsys) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for name in command_names():
        assert group_of(name) in GROUPS
        assert re.search(rf"^  {name} +{re.escape(summary_of(name))}$", said, re.MULTILINE)
        assert len(summary_of(name)) > 20, name
    assert re.findall(r"^(\w+):$", said, re.MULTILINE) == list(GROUPS)


def test_no_command_is_an_error_and_shows_the_help(capsys) -> None:
    assert main([]) == 2
    assert "pretrain" in capsys.readouterr().out


def test_the_version_is_that_of_the_package(capsys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mgi {mgi.__version__}\n"


def test_the_script_and_the_module_are_the_same_program() -> None:
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["mgi"].partition(":")
    script = f"import sys; from {module} import {function}; sys.exit({function}())"
    for arguments in (["--version"], ["--help"], ["split", "--help"], ["splitt"], ["split", "--nonsense"]):
        by_module, by_script = as_program("-m", "mgi", *arguments), as_program("-c", script, *arguments)
        assert by_module.stdout == by_script.stdout
        assert by_module.stderr == by_script.stderr
        assert by_module.returncode == by_script.returncode
        assert by_module.stdout + by_module.stderr != ""


HEAVY = ("torch", "pandas", "pyarrow", "monai", "numpy", "requests")
SHOW_ALL_HELP = f"""
import sys
from mgi.cli import command_names, main, parser_of
for name in ["", *command_names()]:
    assert main([*filter(None, [name]), "--help"]) == 0
    loaded = [module for module in {HEAVY} if module in sys.modules]
    assert not loaded, (name, loaded)
"""


def test_no_help_loads_a_heavy_library() -> None:
    done = as_program("-c", SHOW_ALL_HELP, COLUMNS="100")
    assert done.returncode == 0, done.stderr
    assert "usage: mgi pretrain" in done.stdout


@pytest.mark.parametrize("name", command_names())
def test_help_says_the_same_with_the_libraries_and_without(name: str, capsys) -> None:
    if name in WITH_TORCH:
        pytest.importorskip("torch")
    assert main([name, "--help"]) == 0
    parser = parser_of(importlib.import_module(f"mgi.commands.{name.replace('-', '_')}"))
    parser.prog = f"mgi {name}"
    assert capsys.readouterr().out == parser.format_help()


@pytest.mark.parametrize(
    ("name", "known"), [("splitt", "split"), ("check_leaks", "check-leaks"), ("pre-train", "pretrain")]
)
def test_an_unknown_command_is_one_line_with_the_nearest_one(name: str, known: str, capsys) -> None:
    assert main([name]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(f"mgi: .*'{re.escape(name)}'.*'{known}'.*--help.*\n", said.err)


@pytest.mark.parametrize("name", ["xyzzy", "../cli", "--nonsense"])
def test_a_command_like_no_other_is_one_line(name: str, capsys) -> None:
    assert main([name]) == 2
    assert re.fullmatch(f"mgi: [^']*'{re.escape(name)}'[^']*--help[^']*\n", capsys.readouterr().err)


def test_a_command_that_ends_well_exits_with_zero(stand_in, capsys) -> None:
    done = []
    stand_in(lambda: done.append(1))
    assert main(["split", "--fold", "3"]) == 0
    assert done == [1]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("kind", "code"),
    [(MgiError, 1), (ConfigError, 2), (NetworkError, 3), (IntegrityError, 4), (BadInputError, 5), (ResourceError, 6)],
)
def test_an_error_is_one_line_and_its_exit_code(kind, code, stand_in, capsys) -> None:
    stand_in(raising(kind("split.tsv: line 3:\n  found nothing")))
    assert main(["split"]) == code
    assert capsys.readouterr().err == "mgi split: split.tsv: line 3: found nothing\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "/tmp/x"), "/tmp/x: No space left on device (ENOSPC)"),
        (PermissionError(13, "Permission denied", "t"), "t: Permission denied (EACCES)"),
        (FileNotFoundError(2, "No such file or directory", "t"), "t: No such file or directory (ENOENT)"),
    ],
)
def test_what_the_system_refuses_is_one_line_with_the_path(error, line, stand_in, capsys) -> None:
    stand_in(raising(error))
    assert main(["split"]) == 6
    assert capsys.readouterr().err == f"mgi split: {line}\n"


def test_an_interruption_is_not_a_stack_trace(stand_in, capsys) -> None:
    stand_in(raising(KeyboardInterrupt()))
    assert main(["split"]) == 130
    assert capsys.readouterr().err == "mgi split: interrupted\n"


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MGI_TRACES", str(tmp_path / "traces"))
    return tmp_path / "traces"


MISTAKES = [ZeroDivisionError("bug"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), RecursionError(), OSError("?")]


@pytest.mark.parametrize("error", MISTAKES)
def test_a_mistake_in_the_program_is_one_line_and_its_trace_kept(error, stand_in, capsys, traces, monkeypatch) -> None:
    monkeypatch.setenv("MGI_GDC_TOKEN", "canary")
    stand_in(raising(error))
    assert main(["split", "--fold", "3"]) == 70
    (kept,) = traces.iterdir()
    said = capsys.readouterr().err
    assert re.fullmatch(f"mgi split: .*{type(error).__name__}.*{re.escape(str(kept))}\n", said)
    text = kept.read_text()
    assert "Traceback" in text
    assert "--fold" in text
    assert (kept.stat().st_mode & 0o777, traces.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_trace_shows_no_secret_and_only_the_newest_are_kept(stand_in, capsys, traces, monkeypatch) -> None:
    monkeypatch.setenv("MGI_TCIA_PASSWORD", "canary")
    traces.mkdir()
    for number in range(30):
        (traces / f"old-1-{number}.txt").write_text("old")
    stand_in(raising(ValueError("sent canary\x1b[2J")))
    assert main(["split"]) == 70
    assert capsys.readouterr().err.count("\x1b") == 0
    kept = list(traces.iterdir())
    assert len(kept) == 20
    assert not any("canary" in path.read_text() for path in kept)


def test_where_no_trace_can_be_written_it_is_printed(stand_in, capsys, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MGI_TRACES", str(tmp_path / "file/below"))
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.mkdtemp", raising_os_error)
    stand_in(raising(ZeroDivisionError("bug")))
    assert main(["split"]) == 70
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.splitlines()[-1].startswith("mgi split: ")


def raising_os_error(*given: object, **named: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_command_that_cannot_be_loaded_is_one_line(capsys, traces, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "mgi.commands.split", None)
    assert main(["split"]) == 70
    assert re.search("ModuleNotFoundError|ImportError", capsys.readouterr().err)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        pa.lib.ArrowMemoryError("malloc of size 17592186044416 failed"),
        pa.lib.ArrowInvalid("realloc of size 64 failed"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
        OSError(12, "Cannot allocate memory"),
    ],
)
@pytest.mark.parametrize(("command", "advice"), [("split", "split:mem_mb"), ("pretrain", "compute.train_mem_mb")])
def test_out_of_memory_is_named_with_advice(error, command, advice, stand_in, capsys, traces, monkeypatch) -> None:
    stand_in(raising(error))
    if command != "split":
        monkeypatch.setitem(sys.modules, f"mgi.commands.{command}", renamed(sys.modules["mgi.commands.split"], command))
    assert main([command]) == 6
    said = capsys.readouterr().err
    assert re.fullmatch(f"mgi {command}: out of memory.*mem_mb.*\n", said)
    assert advice in said
    assert not traces.exists()


def renamed(command: ModuleType, name: str) -> ModuleType:
    other = ModuleType(f"mgi.commands.{name}")
    other.add_options, other.run = command.add_options, command.run
    return other


def test_what_is_said_on_the_terminal_moves_no_cursor(stand_in, capsys) -> None:
    def action() -> None:
        logging.getLogger("mgi").info("\x1b[2Jtwo\nlines %s", "\u202e")
        raise NetworkError("a: \x1b[2J\x07" + "x" * 100_000)

    stand_in(action)
    assert main(["split"]) == 3
    said = capsys.readouterr().err
    assert len(said) < 10_000
    assert all(line.isprintable() for line in said.splitlines())


def test_a_wrong_option_is_refused_under_the_name_of_the_command(stand_in, capsys) -> None:
    stand_in(lambda: None)
    with pytest.raises(SystemExit) as caught:
        main(["split", "--fold", "x"])
    assert caught.value.code == 2
    assert "mgi split: error: argument --fold" in capsys.readouterr().err


def test_as_a_program_it_passes_the_exit_code_on_and_shows_no_stack_trace() -> None:
    done = as_program("-m", "mgi", "split", "--cohort", "nowhere.parquet")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_commands_that_move_data_load_no_torch() -> None:
    modules = [f"mgi.commands.{name.replace('-', '_')}" for name in command_names() if name not in WITH_TORCH]
    script = (
        "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint('torch' in sys.modules)"
    )
    done = as_program("-c", script, *modules)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("missing", "code", "said"),
    [
        (
            "torch",
            ResourceError.exit_code,
            "mgi split: torch is not installed; for training and models: pip install ",
        ),
        ("timm.layers", ResourceError.exit_code, "mgi split: timm is not installed; "),
        ("mgi.nowhere", UNEXPECTED, "unexpected error"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_the_remedy(
    stand_in, capsys, missing: str, code: int, said: str
) -> None:
    stand_in(raising(ModuleNotFoundError(f"No module named '{missing}'", name=missing)))
    assert main(["split"]) == code
    assert said in capsys.readouterr().err
