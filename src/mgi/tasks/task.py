"""A task: what is predicted of a patient, and how that is learned, scored and reported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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
