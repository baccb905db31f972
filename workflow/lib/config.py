"""Check the whole config before any job: fill in defaults, and name the first thing that is wrong in one line."""

import copy
import difflib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError


class ConfigProblemError(Exception):
    """A config that cannot be used; the message is one line for the user."""


def complete(config: Mapping[str, Any], schema_file: Path) -> dict[str, Any]:
    """The config checked against its schema, with defaults, and with a results folder that can be written.

    Raises ConfigProblemError for the first thing that is wrong.
    """
    filled = checked(config, read_schema(schema_file))
    check_writable(Path(filled["results"]))
    return filled


def read_schema(path: Path) -> dict[str, Any]:
    """The schema of the config as a mapping."""
    schema: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return schema


def checked(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the schema's defaults filled in.

    Raises ConfigProblemError for an unknown key (naming the nearest known one), a wrong type or a value out of range.
    """
    errors = sorted(Draft202012Validator(schema).iter_errors(dict(config)), key=_unknown_keys_first)
    if errors:
        raise ConfigProblemError(_in_one_line(errors[0]))
    filled: dict[str, Any] = _with_defaults(copy.deepcopy(dict(config)), schema)
    _check_across_sections(filled)
    return filled


def check_writable(folder: Path) -> None:
    """Raise ConfigProblemError unless the folder, or the nearest one above it that exists, takes a new file.

    Nothing with a name is left behind, so a dry run may ask too.
    """
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ConfigProblemError(f"results: cannot write to '{folder}': {existing}: {error.strerror}") from None


def section(config: Mapping[str, Any], name: str, *, without: tuple[str, ...] = ()) -> str:
    """One section as JSON with sorted keys, so that equal settings give equal text."""
    return json.dumps({key: value for key, value in config[name].items() if key not in without}, sort_keys=True)


def subsection(config: Mapping[str, Any], name: str, key: str) -> str:
    """One key of a section as JSON, for a rule that nothing else of the section concerns."""
    return json.dumps(config[name][key], sort_keys=True)


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    for name, inner in schema.get("properties", {}).items():
        if name not in value and "default" in inner:
            value[name] = copy.deepcopy(inner["default"])
        if name in value:
            value[name] = _with_defaults(value[name], inner)
    return value


def _check_across_sections(config: Mapping[str, Any]) -> None:
    folds, wanted = config["split"]["folds"], config["runs"]["folds"]
    beyond = [fold for fold in wanted if fold >= folds]
    if beyond:
        raise ConfigProblemError(f"runs.folds: found {beyond[0]}, expected 0 to {folds - 1} (split.folds is {folds})")
    leaky = (config["runs"]["leaky_slice_split"] or {"folds": []})["folds"]
    if beyond := [fold for fold in leaky if fold >= folds]:
        raise ConfigProblemError(
            f"runs.leaky_slice_split.folds: found {beyond[0]}, expected 0 to {folds - 1} (split.folds is {folds})"
        )
    genes = config["genes"]
    for where, given in (("", config), ("external.", config["external"])):
        expression = given and given["expression"]
        if expression and expression["source"] == "matrix" and expression["values"] != "tpm":
            raise ConfigProblemError(
                f"{where}expression.values: found {expression['values']}, but source matrix stores a table as it is; "
                "leave it out"
            )
    if genes["gene_filter"] == "list" and genes["gene_list"] is None:
        raise ConfigProblemError("genes.gene_list: found null, expected a file of genes for gene_filter list")
    if config["model"]["gene_tokens"] == "pathway" and config["model"]["pathways"] is None:
        raise ConfigProblemError("model.pathways: found null, expected a .gmt file for gene_tokens pathway")
    _check_pretraining(config["pretrain"])


def _check_pretraining(pretrain: Mapping[str, Any]) -> None:
    slices, batch = pretrain["slices_per_patient"], pretrain["schedule"]["batch"]
    if slices > 1 and pretrain["loss"] != "multi_positive":
        raise ConfigProblemError(
            f"pretrain.slices_per_patient: found {slices}, expected 1 with loss {pretrain['loss']}"
        )
    if slices < 2 and pretrain["triplet_weight"] > 0:
        raise ConfigProblemError("pretrain.slices_per_patient: found 1, expected 2 or more with a triplet_weight")
    if batch < pretrain["processes"]:
        raise ConfigProblemError(
            f"pretrain.schedule.batch: found {batch}, expected at least {pretrain['processes']}, one a process"
        )


def _unknown_keys_first(error: ValidationError) -> tuple[bool, list[str]]:
    return error.validator != "additionalProperties", [str(part) for part in error.absolute_path]


def _in_one_line(error: ValidationError) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        return _name_unknown_key(where, error)
    if error.validator == "required":
        return f"{_join(where, error.message.split(chr(39))[1])}: missing"
    return f"{where or 'config'}: found {_shown(error.instance)}, expected {_expected(error)}"


def _shown(value: Any) -> str:
    """A value as JSON; YAML's anchors can make one that holds itself, which JSON cannot say."""
    try:
        return json.dumps(value, default=str)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} that holds itself"


def _name_unknown_key(where: str, error: ValidationError) -> str:
    known = sorted(error.schema.get("properties", {}))
    unknown = sorted(key for key in error.instance if key not in known)[0]
    near = difflib.get_close_matches(str(unknown), known, n=1)
    hint = f"did you mean '{_join(where, near[0])}'?" if near else f"known keys: {', '.join(known)}"
    return f"{_join(where, unknown)}: unknown key; {hint}"


def _expected(error: ValidationError) -> str:
    words: dict[str, Callable[[Any], str]] = {
        "type": lambda wanted: " or ".join(wanted) if isinstance(wanted, list) else f"{wanted}",
        "enum": lambda wanted: "one of " + ", ".join("null" if value is None else str(value) for value in wanted),
        "minimum": lambda wanted: f"at least {wanted}",
        "maximum": lambda wanted: f"at most {wanted}",
        "exclusiveMinimum": lambda wanted: f"more than {wanted}",
        "exclusiveMaximum": lambda wanted: f"less than {wanted}",
        "minItems": lambda wanted: f"at least {wanted} entry",
        "uniqueItems": lambda _: "no entry twice",
        "pattern": lambda wanted: f"text that matches {wanted}",
    }
    describe = words.get(str(error.validator))
    return describe(error.validator_value) if describe else error.message


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else str(key)
