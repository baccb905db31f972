"""What the text below each key of a section says, as the description of its field.

The schema and the docs tell it, and nothing else: pydantic, which can do the same, would read the source of every
section at the start of each command.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import TypeVar, get_args, get_origin

from mgi.core.section import Section

S = TypeVar("S", bound=Section)


def described(cls: type[S]) -> type[S]:
    """The section, its fields and those within given the text below each key; one that has a text keeps it."""
    texts = {name: text for base in reversed(cls.__mro__) for name, text in _texts_below(base).items()}
    for name, field in cls.model_fields.items():
        for section in _sections_in(field.annotation):
            described(section)
        field.description = field.description or texts.get(name)
    cls.model_rebuild(force=True)
    return cls


def _sections_in(kind: object) -> Iterator[type[Section]]:
    if isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, Section):
        yield kind
    for inner in get_args(kind):
        yield from _sections_in(inner)


@cache
def _texts_below(cls: type) -> dict[str, str]:
    """By key; none of a class that is no section, or that was made without source."""
    if not issubclass(cls, Section) or cls is Section:
        return {}
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return {}
    whole = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(whole, ast.ClassDef)
    return {
        key.target.id: inspect.cleandoc(text.value.value)
        for key, text in pairwise(whole.body)
        if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }
