"""Tasks by name: the built-in ones are listed by `learning`, `scoring` and `reporting`, plugins add theirs here.

A stage imports one of those three modules alone, so an edit of the report trains nothing again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mgi.core.errors import ConfigError

LABELLED = ("classification", "survival")
"""Tasks of whole patients, learned from the cohort's labels; they can do without the image."""
BUILT_IN = ("segmentation", *LABELLED)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task that a plugin registers.

    The parts are functions, called by the stage that needs them, so that `learning` alone imports torch. They return a
    `mgi.tasks.learning.Learning`, a `mgi.tasks.scoring.Scoring` and a `mgi.tasks.reporting.Reporting`: an object, or a
    module with those functions.
    """

    name: str
    learning: Callable[[], Any]
    scoring: Callable[[], Any]
    reporting: Callable[[], Any]


_ADDED: dict[str, Task] = {}


def register(task: Task) -> None:
    """Add a task; the same name twice replaces it. Raises ConfigError where the name is that of a built-in task."""
    if task.name in BUILT_IN:
        raise ConfigError(f"plugins: task '{task.name}' is built in; give it another name")
    _ADDED[task.name] = task


def added(name: str) -> Task:
    """The task that a plugin registered. Raises ConfigError naming the known tasks where there is none."""
    if name not in _ADDED:
        raise ConfigError(f"runs.task: found {name}, expected one of {', '.join(sorted({*BUILT_IN, *_ADDED}))}")
    return _ADDED[name]


def reads_labels(name: str) -> bool:
    """Whether a task is learned from, and scored against, the cohort's labels."""
    return name in LABELLED


def plugin_of(name: str) -> list[str]:
    """The module of the plugin that registered a task, none for a built-in one: for a fingerprint of the code."""
    return [] if name in BUILT_IN else [str(added(name).learning.__module__)]
