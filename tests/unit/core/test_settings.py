from dataclasses import dataclass, field
from typing import Literal

import pytest

from mgi.core.errors import ConfigError
from mgi.core.settings import parse


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = 3


@dataclass(frozen=True, kw_only=True)
class Outer:
    steps: int
    rate: float = 0.5
    name: str = "x"
    flip: bool = True
    kind: Literal["a", "b"] = "a"
    table: str | None = None
    folds: list[int] = field(default_factory=lambda: [0])
    inner: Inner = field(default_factory=Inner)


def test_json_text_and_a_mapping_build_the_same_settings_with_nested_ones() -> None:
    expected = Outer(steps=2, folds=[1, 2], inner=Inner(size=9), table="t")
    given = {"steps": 2, "folds": [1, 2], "inner": {"size": 9}, "table": "t"}
    assert parse(Outer, given) == expected
    assert parse(Outer, '{"steps": 2, "folds": [1, 2], "inner": {"size": 9}, "table": "t"}') == expected


def test_what_is_not_given_has_its_default_and_null_stands_only_where_it_may() -> None:
    assert parse(Outer, {"steps": 1}) == Outer(steps=1)
    assert parse(Outer, {"steps": 1, "table": None}).table is None
    with pytest.raises(ConfigError, match=r"settings\.name: found None, expected str"):
        parse(Outer, {"steps": 1, "name": None})


def test_a_whole_number_is_a_fraction_too() -> None:
    rate = parse(Outer, {"steps": 1, "rate": 2}).rate
    assert rate == 2.0
    assert isinstance(rate, float)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"s\.steps: missing"),
        ({"steps": 1, "stepps": 2}, r"s\.stepps: unknown key; known keys: flip, folds, inner, kind, .*steps"),
        ({"steps": "1"}, r"s\.steps: found '1', expected int"),
        ({"steps": 1.0}, r"s\.steps: found 1\.0, expected int"),
        ({"steps": True}, r"s\.steps: found True, expected int"),
        ({"steps": 1, "rate": "fast"}, r"s\.rate: found 'fast', expected float"),
        ({"steps": 1, "rate": False}, r"s\.rate: found False, expected float"),
        ({"steps": 1, "flip": 1}, r"s\.flip: found 1, expected bool"),
        ({"steps": 1, "kind": "c"}, r"s\.kind: found 'c', expected one of \['a', 'b'\]"),
        ({"steps": 1, "table": 5}, r"s\.table: found 5, expected str"),
        ({"steps": 1, "folds": 0}, r"s\.folds: found 0, expected a list"),
        ({"steps": 1, "folds": [0, "1"]}, r"s\.folds\[1\]: found '1', expected int"),
        ({"steps": 1, "inner": {"sise": 1}}, r"s\.inner\.sise: unknown key"),
        ({"steps": 1, "inner": {"size": "1"}}, r"s\.inner\.size: found '1'"),
        ({"steps": 1, "inner": 4}, r"s\.inner: found int, expected a mapping"),
        ("{", r"s: not JSON"),
        ("[1]", r"s: found list, expected a mapping"),
    ],
)
def test_an_error_names_the_key_what_was_found_and_what_was_expected(given, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse(Outer, given, where="s")
    assert "\n" not in str(caught.value)
