"""The fault switch: rules that say which calls of a service go wrong, and how.

A rule file is a JSON list of objects such as {"path": "^/data/", "fault": "drop", "value": 0.5, "calls": "first 2"}.
"""

import inspect
import json
import re
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

from mgi_standin.archive import fault_contents, fault_omics, fault_patience, fault_replies
from mgi_standin.archive.response import Handler, Request, Response, target_of, text_response
from mgi_standin.errors import BadInputError

Fault = Callable[[Handler, Request, Any], Response]
FAULTS: dict[str, Fault] = {
    name.replace("_", "-"): fault
    for module in (fault_replies, fault_contents, fault_omics, fault_patience)
    for name, fault in vars(module).items()
    if inspect.isfunction(fault) and fault.__module__ == module.__name__ and not name.startswith("_")
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One fault and the calls that it befalls; `value` is the fault's number (or address, name), if it takes one."""

    path: str
    """Regular expression, searched in the path with its query."""
    fault: str
    value: float | str | None = None
    method: str | None = None
    """GET, POST, …; None is any."""
    calls: str = "all"
    """`all`, `first 2`, `only 3` or `from 2`, counted from 1 among the calls that match path and method."""

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise BadInputError(f"fault: found {self.fault!r}, expected one of {', '.join(sorted(FAULTS))}")
        if not re.fullmatch(r"all|(first|only|from) [1-9]\d*", str(self.calls)):
            raise BadInputError(f"calls: found {self.calls!r}, expected all, first N, only N or from N")
        name, kind = _parameter(FAULTS[self.fault])
        if not isinstance(self.value, (float, int) if kind is float else kind):
            expected = "none" if name == "value" else f"{name} ({getattr(kind, '__name__', kind)})"
            raise BadInputError(f"value: fault {self.fault} found {self.value!r}, expected {expected}")
        try:
            re.compile(self.path)
        except (re.error, TypeError) as error:
            raise BadInputError(f"path: {self.path!r} is no regular expression ({error})") from None

    def matches(self, request: Request) -> bool:
        """Whether a call counts for this rule."""
        return self.method in (None, request.method) and re.search(self.path, target_of(request)) is not None

    def befalls(self, call: int) -> bool:
        """Whether the matching call of this number (from 1) goes wrong."""
        which, _, number = self.calls.partition(" ")
        if which == "all":
            return True
        return {"first": call <= int(number), "only": call == int(number), "from": call >= int(number)}[which]


def _parameter(fault: Fault) -> tuple[str, Any]:
    """Name and type of what a fault takes."""
    name = list(inspect.signature(fault).parameters)[2]
    return name, get_type_hints(fault)[name]


def with_faults(answer: Handler, rules: list[Rule]) -> Handler:
    """Wrap a service so that the rules befall it.

    All rules that concern a call apply; the first is the outermost, so the last changes the true reply first.
    """
    calls = [0] * len(rules)
    lock = threading.Lock()

    def faulty(request: Request) -> Response:
        handler = answer
        with lock:
            matching = [position for position, rule in enumerate(rules) if rule.matches(request)]
            for position in matching:
                calls[position] += 1
            active = [rules[position] for position in matching if rules[position].befalls(calls[position])]
        for rule in reversed(active):
            handler = partial(_apply, rule, handler)
        return handler(request)

    return faulty


def _apply(rule: Rule, answer: Handler, request: Request) -> Response:
    try:
        return FAULTS[rule.fault](answer, request, rule.value)
    except (LookupError, TypeError, ValueError, zipfile.BadZipFile) as error:
        text = f"fault {rule.fault} does not fit the reply to {target_of(request)} ({type(error).__name__}: {error})"
        return text_response(text, 500)


def read_rules(path: Path) -> list[Rule]:
    """Read a rule file; raises BadInputError naming file, rule and field."""
    try:
        given: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: not a readable JSON file ({error})") from None
    if not isinstance(given, list):
        raise BadInputError(f"{path}: found {type(given).__name__}, expected a list of rules")
    return [_rule(row, f"{path}: rule {number}") for number, row in enumerate(given, start=1)]


def _rule(row: Any, where: str) -> Rule:
    known = {field.name for field in fields(Rule)}
    if not isinstance(row, dict) or not {"path", "fault"} <= set(row) <= known:
        raise BadInputError(f"{where}: found {row!r}, expected path, fault and at most {', '.join(sorted(known))}")
    try:
        return Rule(**row)
    except (BadInputError, TypeError) as error:
        raise BadInputError(f"{where}: {error}") from None


def catalogue() -> str:
    """List every fault with the value that it takes and what it does, a line each."""
    lines = []
    for name, fault in FAULTS.items():
        value, _ = _parameter(fault)
        called = name if value == "value" else f"{name} {value.upper()}"
        lines.append(f"  {called:26} {inspect.getdoc(fault)}")
    return "\n".join(lines)
