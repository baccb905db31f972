"""No number and no length in a config can stop the check or the jobs after it: each is refused by its key."""

import math
import resource
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from mgi.config.tree import tree
from mgi.core.errors import ConfigError
from mgi.core.section_errors import options_of

ROOT = Path(__file__).parents[3]
TOY = yaml.safe_load((ROOT / "config/toy.yaml").read_text())
NUMBERS = [math.nan, math.inf, -math.inf, 10**18, 10**400, -(10**18)]


def numbers_of(cls: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The place of every key that holds numbers, and whether it is a list of them."""
    for name, field in cls.model_fields.items():
        for option in options_of(field.annotation):
            is_list = typing.get_origin(option) is tuple
            for inner in options_of(typing.get_args(option)[0]) if is_list else [option]:
                if inner in (int, float):
                    yield (*above, name), is_list
                elif isinstance(inner, type) and issubclass(inner, BaseModel) and name != "external":
                    yield from numbers_of(inner, (*above, name))


TREE = tree()
PLACES = dict(numbers_of(TREE))


def with_value(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The toy config with one value replaced."""
    config: dict[str, Any] = yaml.safe_load(yaml.safe_dump(TOY))
    section = config
    for name in place[:-1]:
        section = section.setdefault(name, {})
    section[place[-1]] = value
    return config


def test_every_kind_of_number_is_looked_at() -> None:
    assert len(PLACES) > 60
    assert {("modalities", "rna", "batches"), ("runs", "seeds"), ("pretrain", "schedule", "steps")} <= set(PLACES)


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_number_that_is_none_or_beyond_all_measure_is_refused_by_its_key(place: tuple[str, ...]) -> None:
    for number in NUMBERS:
        value = [number, number] if place[-1] == "expected_files" else [number] if PLACES[place] else number
        with pytest.raises(ConfigError) as refused:
            TREE.read(with_value(place, value))
        assert str(refused.value).startswith(".".join(place)), str(refused.value)
        assert len(str(refused.value)) < 1000


def laughs(levels: int, width: int) -> str:
    """A list of lists of lists, each the one before, so many times: width ** levels words when written out."""
    lines = [f"- &a0 [{', '.join('x' * width)}]"]
    lines += [f"- &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(f"  {line}" for line in lines)


@pytest.mark.parametrize(
    "place", ["results", "plugins", "cohort: {exclude", "runs: {methods", "model: {size", "split", "simulation"]
)
def test_six_lines_that_stand_for_more_than_memory_holds_are_refused_at_once(place: str, tmp_path: Path) -> None:
    bracket = "}" if "{" in place else ""
    own = tmp_path / "laughs.yaml"
    nested = laughs(6, 40).replace("\n", ",\n").replace("  - ", "  ")
    own.write_text(f"{place}: [\n{nested}\n]{bracket}\n")
    code = (
        "import sys, yaml; from mgi.config.tree import checked; from mgi.core.errors import ConfigError\n"
        "try: checked(yaml.safe_load(open(sys.argv[1])))\n"
        "except ConfigError as error: print(error)\n"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))

    done = subprocess.run(
        [sys.executable, "-c", code, str(own)],
        env={"PYTHONPATH": str(ROOT / "src"), "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=limit, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(place.replace(": {", "."))
    assert len(done.stdout) < 1000
