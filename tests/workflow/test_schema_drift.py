"""The schema and the settings dataclasses say the same: names, types, defaults."""

import dataclasses
import types
import typing
from pathlib import Path
from typing import Any

import pytest

from lib.config import read_schema
from mgi.commands.compare import EvaluationSettings
from mgi.locks.settings import ExpressionSettings, ImageSettings
from mgi.modalities.rna.filter import FilterSettings
from mgi.models.settings import ModelSettings
from mgi.training.settings import FinetuneSettings, PredictSettings, PretrainSettings
from mgi_standin.simulation.settings import SimulationSettings

SCHEMA = read_schema(Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml")
SECTIONS = {
    "simulation": SimulationSettings,
    "expression": ExpressionSettings,
    "images": ImageSettings,
    "genes": FilterSettings,
    "model": ModelSettings,
    "pretrain": PretrainSettings,
    "finetune": FinetuneSettings,
    "predict": PredictSettings,
    "evaluation": EvaluationSettings,
}
JSON_TYPES = {int: "integer", float: "number", str: "string", bool: "boolean", types.NoneType: "null"}


def described(cls: type) -> dict[str, Any]:
    """What a dataclass says, in the schema's words: kind and default of each field."""
    hints = typing.get_type_hints(cls)
    return {field.name: _field(hints[field.name], field) for field in dataclasses.fields(cls)}


def _field(hint: Any, field: dataclasses.Field[Any]) -> Any:
    if dataclasses.is_dataclass(hint):
        return described(typing.cast(type, hint))
    return {"kind": _kind(hint), "default": None if field.default is dataclasses.MISSING else field.default}


def _kind(hint: Any) -> Any:
    if typing.get_origin(hint) is typing.Literal:
        return set(typing.get_args(hint))
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return {_kind(option) for option in typing.get_args(hint)}
    if typing.get_origin(hint) is tuple:
        return "array"
    return JSON_TYPES[hint]


def in_schema(section: dict[str, Any]) -> dict[str, Any]:
    return {name: _property(inner) for name, inner in section["properties"].items()}


def _property(inner: dict[str, Any]) -> Any:
    if inner.get("type") == "object":
        return in_schema(inner)
    kind = set(inner["enum"]) if "enum" in inner else inner["type"]
    return {"kind": set(kind) if isinstance(kind, list) else kind, "default": inner.get("default")}


@pytest.mark.parametrize("name", SECTIONS)
def test_schema_and_dataclass_agree(name: str) -> None:
    ours, theirs = in_schema(SCHEMA["properties"][name]), described(SECTIONS[name])
    if name == "evaluation":  # the dataclass leaves the definitions of Dice to the module that computes them
        ours["headline"]["kind"] = "string"
    assert ours == theirs


def test_every_key_is_described_and_no_level_takes_unknown_keys() -> None:
    def visit(where: str, inner: dict[str, Any]) -> None:
        assert inner.get("description"), where
        if "properties" in inner:
            assert inner["additionalProperties"] is False, where
        for name, deeper in inner.get("properties", {}).items():
            visit(f"{where}.{name}", deeper)

    visit("config", SCHEMA)
