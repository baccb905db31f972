from typing import Annotated, ClassVar, Literal, Self

import pytest
from pydantic import Field, model_validator

from mgi.core.errors import ConfigError
from mgi.core.section import Count, Distinct, Positive, Section, Several, refusal


class Inner(Section):
    """A part."""

    renamed: ClassVar = {"sise": "size"}
    size: Positive = 3
    """How large."""
    step: Count = 1
    """How far."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.step > self.size:
            raise refusal("step", self.step, f"at most size, {self.size}")
        return self


class Outer(Section):
    """A whole."""

    steps: int
    """How many."""
    rate: Annotated[float, Field(gt=0, lt=2)] = 0.5
    """How fast."""
    kind: Literal["a", "b"] = "a"
    """Which."""
    table: str | None = None
    """Where."""
    folds: Annotated[Distinct[int], Field(min_length=1)] = (0,)
    """Which ones."""
    pair: Several[int] | None = None
    """Two."""
    flip: bool = True
    """Whether."""
    inner: Inner = Inner(size=7)
    """A part."""
    other: Inner | None = None
    """Another part."""


def test_json_text_and_a_mapping_build_the_same_frozen_settings() -> None:
    given = {"steps": 2, "folds": [1, 2], "inner": {"size": 9}, "table": "t", "rate": 1}
    expected = Outer(steps=2, folds=(1, 2), inner=Inner(size=9), table="t", rate=1.0)
    assert Outer.read(given) == expected
    assert Outer.read('{"steps": 2, "folds": [1, 2], "inner": {"size": 9}, "table": "t", "rate": 1}') == expected
    assert isinstance(Outer.read(given).rate, float)
    assert Outer.read(expected.plain()) == expected
    assert expected.but(steps=3).steps == 3


def test_a_part_of_a_section_is_laid_over_the_default_of_its_place() -> None:
    assert Outer.read({"steps": 1, "inner": {"step": 5}}).inner == Inner(size=7, step=5)
    assert Outer.read({"steps": 1, "other": {"step": 2}}).other == Inner(size=3, step=2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "s.steps: missing"),
        ({"stepps": 2}, "s.stepps: unknown key; did you mean 's.steps'?"),
        ({"steps": 1, "inner": {"zzz": 1}}, "s.inner.zzz: unknown key; known keys: size, step"),
        ({"steps": 1, "other": {"stepp": 1}}, "s.other.stepp: unknown key; did you mean 's.other.step'?"),
        ({"steps": 1, "inner": {"sise": 1}}, "s.inner.sise: renamed; use s.inner.size"),
        ({"steps": "1"}, 's.steps: found "1", expected integer'),
        ({"steps": 1.0}, "s.steps: found 1.0, expected integer"),
        ({"steps": True}, "s.steps: found true, expected integer"),
        ({"steps": None}, "s.steps: found null, expected integer"),
        ({"steps": 1, "rate": "0.9"}, 's.rate: found "0.9", expected number'),
        ({"steps": 1, "rate": False}, "s.rate: found false, expected number"),
        ({"steps": 1, "rate": 0}, "s.rate: found 0, expected more than 0"),
        ({"steps": 1, "rate": 2}, "s.rate: found 2, expected less than 2"),
        ({"steps": 1, "rate": float("inf")}, "s.rate: found Infinity, expected a finite number"),
        ({"steps": 1, "flip": 1}, "s.flip: found 1, expected boolean"),
        ({"steps": 1, "kind": "c"}, 's.kind: found "c", expected one of a, b'),
        ({"steps": 1, "table": 5}, "s.table: found 5, expected string or null"),
        ({"steps": 1, "folds": 0}, "s.folds: found 0, expected a list"),
        ({"steps": 1, "folds": []}, "s.folds: found [], expected at least 1 entry"),
        ({"steps": 1, "folds": [1, 1]}, "s.folds: found [1, 1], expected no entry twice"),
        ({"steps": 1, "folds": [0, "1"]}, 's.folds[1]: found "1", expected integer'),
        ({"steps": 1, "pair": [True]}, "s.pair[0]: found true, expected integer"),
        ({"steps": 1, "inner": {"size": 0}}, "s.inner.size: found 0, expected at least 1"),
        ({"steps": 1, "inner": {"step": 8}}, "s.inner.step: found 8, expected at most size, 7"),
        ({"steps": 1, "inner": 4}, "s.inner: found 4, expected a mapping"),
        ({"steps": 1, "inner": None}, "s.inner: found null, expected a mapping"),
        ({"steps": 1, "other": 4}, "s.other: found 4, expected a mapping or null"),
        ({1: 2}, "s.1: unknown key; known keys: flip, folds, inner, kind, other, pair, rate, steps, table"),
    ],
)
def test_an_error_names_the_key_what_was_found_and_what_was_expected(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Outer.read(given, where="s")
    assert str(caught.value) == message


def test_a_value_that_holds_itself_gives_one_line() -> None:
    here: list[object] = []
    here.append(here)
    with pytest.raises(ConfigError, match=r"^table: .*itself.*string or null$"):
        Outer.read({"steps": 1, "table": here})
    around: dict[str, object] = {"steps": 1}
    around["inner"] = around
    with pytest.raises(ConfigError, match=r"^inner\.steps: .*'inner\.step'"):
        Outer.read(around)
