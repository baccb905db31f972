"""A section of the config as a frozen model: what a key is called, holds, defaults to and means stands there alone.

A key's description is the text below it; its unit is given by `unit`. What is wrong is one line that names the key.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.section_errors import in_one_line

T = TypeVar("T")
_adapter_of: Callable[[Any], TypeAdapter[Any]] = functools.cache(TypeAdapter)


def unit(name: str) -> Any:
    """What a number is counted in, for the docs."""
    return Field(json_schema_extra={"unit": name})


def refusal(key: str, found: object, expected: str) -> PydanticCustomError:
    """What a check of a section raises where `key` does not go with the others."""
    return PydanticCustomError("refused", "{text}", {"key": key, "text": f"found {found}, expected {expected}"})


def _no_entry_twice(entries: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(entries)) < len(entries):
        raise refusal("", json.dumps(entries), "no entry twice")
    return entries


_NO_PATHS = {
    "~": "'~' is a shell's word; write the whole path of your home folder",
    r"\$\{?\w|%\w+%": "a variable is a shell's word; write the whole path",
    r"[A-Za-z]:[\\/](?!/)": "that is a drive of Windows; write where it is mounted, such as /mnt/c/",
    r"\\\\": "that is a share of Windows; write where it is mounted",
    r"\w+://": "that is an address; download the file first",
}
# What only a shell, a browser or Windows takes for a path; here it would be a strange name of a file.


def _plain_path(path: str) -> str:
    """Snakemake takes braces for wildcards and angle brackets for folders of its own; options begin with a dash."""
    if not path.strip():
        raise refusal("", json.dumps(path), "a path")
    for pattern, what in _NO_PATHS.items():
        if re.match(pattern, path):
            raise refusal("", json.dumps(path), f"a path as this machine has it: {what}")
    if unfit := sorted(set(path) & set("{}<>")):
        raise refusal(
            "", json.dumps(path), f"a path without {' '.join(unfit)}: rename it, or link to it by another name"
        )
    if path.startswith("-"):
        raise refusal("", json.dumps(path), f"./{path}, since what begins with a dash is an option")
    return path


# A list in YAML and JSON is a tuple here, so that settings cannot change; what it holds is checked as strictly.
Several = Annotated[tuple[T, ...], Field(strict=False)]
Distinct = Annotated[
    tuple[T, ...], Field(strict=False, json_schema_extra={"uniqueItems": True}), AfterValidator(_no_entry_twice)
]
ModalityName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


def _sorted(names: tuple[str, ...]) -> tuple[str, ...]:
    """The order in which modalities are listed changes nothing, not even which jobs run again."""
    return tuple(sorted(names))


Modalities = Annotated[Distinct[ModalityName], Field(min_length=1), AfterValidator(_sorted)]
# Whatever a number is for, one beyond these is a slip; keys that memory or the number of jobs follow have their own.
LARGEST = 2**32 - 1  # the largest seed of NumPy
HEAVIEST = 1_000_000.0
UserPath = Annotated[str, AfterValidator(_plain_path)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Positive = Annotated[int, Field(ge=1, le=LARGEST)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=HEAVIEST)]


def as_mapping(given: object, where: str) -> dict[str, Any]:
    """A mapping, or the one that JSON text holds.

    Raises ConfigError where it is neither.
    """
    if isinstance(given, str | bytes):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{where}: not JSON ({error})") from None
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where or 'config'}: found {type(given).__name__}, expected a mapping")
    return dict(given)


def read_record(cls: type[T], given: object, where: str) -> T:
    """A dataclass from a mapping of what JSON knows, or from JSON text, as strictly as a section.

    Raises BadInputError for an unknown or missing field or a wrong type.
    """
    try:
        adapter: TypeAdapter[T] = _adapter_of(cls)
        return adapter.validate_json(json.dumps(as_mapping(given, where)), strict=True, extra="forbid")
    except ValidationError as error:
        raise BadInputError(in_one_line(cls, error, where)) from None
    except ConfigError as error:
        raise BadInputError(str(error)) from None


class Section(BaseModel):
    """Settings that cannot change, with strict types and no unknown key; a nested section may be given in part."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )
    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys of former versions, each with what takes its place."""
    by_size: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """For a section with the key `size`: what each size says of other keys that are not named."""

    @classmethod
    def read(cls, given: object, *, where: str = "") -> Self:
        """The section from a mapping, or from JSON text that holds one.

        Raises ConfigError for an unknown key (naming the nearest known one), a wrong type or a value out of range.
        """
        try:
            return cls.model_validate(as_mapping(given, where))
        except ValidationError as error:
            raise ConfigError(in_one_line(cls, error, where)) from None

    def plain(self) -> dict[str, Any]:
        """The section as JSON has it: lists for tuples, mappings for nested sections."""
        return self.model_dump(mode="json")

    def but(self, **changes: object) -> Self:
        """The same settings with some of them changed, and checked again."""
        return type(self).model_validate({**dict(self), **changes})

    @model_validator(mode="before")
    @classmethod
    def _lay_over_defaults(cls, given: Any) -> Any:
        """What is given of a nested section, over the values that this place has by default."""
        if not isinstance(given, Mapping):
            return given
        size = given.get("size")
        sized = cls.by_size.get(size, {}) if isinstance(size, str) else {}
        return {**sized, **_laid_over({name: field.default for name, field in cls.model_fields.items()}, given)}


def _laid_over(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, with each nested section that is given in part filled up from its default, at every depth."""
    laid = dict(given)
    for name, value in given.items():
        default = defaults.get(name)
        if isinstance(default, Section) and isinstance(value, Mapping):
            inner = {key: getattr(default, key) for key in default.model_fields_set}
            laid[name] = inner | _laid_over(inner, value)
    return laid
