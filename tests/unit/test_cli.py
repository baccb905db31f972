import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mgi.cli import command_names, main
from mgi.core.errors import BadInputError, ConfigError, IntegrityError, MgiError, NetworkError, ResourceError

SOURCE = Path(__file__).parents[2] / "src"
WITH_TORCH = {"pretrain", "finetune", "predict", "predict-fold", "release"}


@pytest.fixture
def stand_in(monkeypatch) -> Callable[[Callable[[], None]], None]:
    """Put an action in the place of the command `split`, which then takes one optional argument."""

    def install(action: Callable[[], None]) -> None:
        command = ModuleType("mgi.commands.split")

        def parser() -> argparse.ArgumentParser:
            options = argparse.ArgumentParser()
            options.add_argument("--fold", type=int)
            return options

        command.parser, command.run = parser, lambda _: action()
        monkeypatch.setitem(sys.modules, command.__name__, command)

    return install


def raising(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


def test_commands_are_listed_as_typed_and_sorted() -> None:
    names = command_names()
    assert {"lock-expression", "shard-images", "pretrain", "evaluate"} <= set(names)
    assert names == sorted(names)
    assert not any("_" in name or name.startswith("-") for name in names)


def test_help_lists_the_commands_and_no_command_is_an_error(capsys) -> None:
    assert main(["--help"]) == 0
    assert "fit-genes" in capsys.readouterr().out
    assert main([]) == 2


@pytest.mark.parametrize("name", ["nonsense", "_learning", "../cli", "lock_expression"])
def test_an_unknown_command_is_one_line_with_the_known_ones(name: str, capsys) -> None:
    assert main([name]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"mgi: unknown command '{name}'; one of: admit-external, bundle")
    assert said.err.count("\n") == 1


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


def test_a_mistake_in_the_program_is_not_hidden(stand_in) -> None:
    stand_in(raising(ZeroDivisionError("bug")))
    with pytest.raises(ZeroDivisionError):
        main(["split"])


def test_a_wrong_option_is_refused_under_the_name_of_the_command(stand_in, capsys) -> None:
    stand_in(lambda: None)
    with pytest.raises(SystemExit) as caught:
        main(["split", "--fold", "x"])
    assert caught.value.code == 2
    assert "python -m mgi split: error: argument --fold" in capsys.readouterr().err


def test_as_a_program_it_passes_the_exit_code_on_and_shows_no_stack_trace() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mgi", "split", "--cohort", "nowhere.parquet"],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_commands_that_move_data_load_no_torch() -> None:
    modules = [f"mgi.commands.{name.replace('-', '_')}" for name in command_names() if name not in WITH_TORCH]
    script = (
        "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *modules],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
