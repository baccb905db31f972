"""What a message tells the user to install can be installed: real packages, those that the package's extras name."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mgi.cli import TRAINING

ROOT = Path(__file__).parents[2]
PACKAGE = r"(?:'[^']+'|[\w.-]+)"
COMMAND = re.compile(rf"pip install ((?:--[\w-]+ )*)({PACKAGE}(?: {PACKAGE})*)")


def told() -> Iterator[tuple[str, list[str]]]:
    """Each `pip install` in a string of the packages' code, as file and arguments without options."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for found in COMMAND.finditer(node.value):
                    yield path.name, shlex.split(found[2])


def asked() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return {canonicalize_name(one.name): one for one in map(Requirement, lines)}


def test_every_message_names_packages_of_the_extras_and_none_that_nobody_published() -> None:
    known = asked()
    known["triton"] = Requirement("triton")  # torch for CUDA brings it
    messages = [(file, one) for file, arguments in told() for one in arguments]
    assert len(messages) >= 5
    for file, one in messages:
        name = canonicalize_name(Requirement(one).name)
        assert name in known, (file, one)
        specifier = Requirement(one).specifier
        assert not specifier or specifier == known[name].specifier, (file, one)


def test_no_message_names_an_extra_of_a_package_that_is_in_no_registry() -> None:
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]:
        assert "install 'mgi[" not in path.read_text(encoding="utf-8"), path


def test_what_is_told_for_training_is_all_that_the_extra_holds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    held = {canonicalize_name(Requirement(line).name) for line in project["optional-dependencies"]["train"]}
    assert set(TRAINING.split()[2:]) == held
