"""Where things are: every file in its room, none too long to read, every command in one rule of its name."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "src").rglob("*.py"))
COMMANDS = {path.stem: path for path in sorted((ROOT / "src").glob("*/commands/[!_]*.py"))}
# Which package the tests of a folder follow.
FOLLOWED = {"unit": "mgi", "standin": "mgi_standin"}
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))
# Commands for people, not for the graph of jobs.
BY_HAND = {
    "archive",
    "cluster_check",
    "config",
    "lock_diff",
    "export_masks",
    "export_nnunet",
    "import_nnunet",
    "predict",
    "release",
    "seal_lock",
    "verify",
}
VAGUE = {"utils", "util", "helpers", "common", "misc", "base", "manager", "tools"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("path", [*MODULES, *RULES, *sorted((ROOT / "workflow/lib").glob("*.py"))], ids=relative)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
    if path.suffix == ".py":
        long = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(path)}
        assert {name: length for name, length in long.items() if length > 60} == {}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_is_named_after_what_it_holds(path: Path) -> None:
    assert not VAGUE & {part.removesuffix(".py") for part in path.relative_to(ROOT / "src").parts}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_options_and_a_run(name: str) -> None:
    defined = {node.name for node in functions(COMMANDS[name])}
    options = "parser" if "mgi_standin" in COMMANDS[name].parts else "add_options"
    assert {options, "run"} <= defined


def test_every_command_is_one_rule_of_the_same_name_with_its_code_log_and_benchmark() -> None:
    called = {}
    for path in RULES:
        for block in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            found = re.search(r"python -m mgi(?:_standin)? ([\w-]+)", block)
            if found:
                name = block.split(":", 1)[0]
                called[name] = found[1].replace("-", "_")
                assert re.search(rf'code_of\(\s*"{found[1]}"', block), name
                assert "exec &> >(tee {log:q})" in block, name
                assert f'"<benchmarks>/{name}' in block, name
    assert called == {name: name for name in COMMANDS if name not in BY_HAND}


def test_rules_hold_no_python_blocks_and_no_retries_of_their_own() -> None:
    for path in RULES:
        assert not re.search(r"^ +(run|script|retries):|protected\(", path.read_text(), re.MULTILINE), path.name


TESTS = [path for folder in FOLLOWED for path in sorted((ROOT / "tests" / folder).rglob("test_*.py"))]


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_a_test_file_lies_in_the_folder_of_its_package(path: Path) -> None:
    tests, *folders = path.parent.relative_to(ROOT / "tests").parts
    assert (ROOT / "src" / FOLLOWED[tests]).joinpath(*folders).is_dir()
