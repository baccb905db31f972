"""The Python of the pages runs as it is printed, and the tables there name every method that must be written."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mgi.locks.source import Source
from mgi.modalities import registry as modalities
from mgi.modalities.modality import SHARD_FILES, Modality
from mgi.tasks import learning, reporting, scoring
from mgi.tasks import registry as tasks

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
MODALITY_PAGE = (HOW_TO / "new-modality.md").read_text(encoding="utf-8")
METRICS_PAGE = (HOW_TO.parent / "reference/metrics.md").read_text(encoding="utf-8")
TASK_PAGE = (HOW_TO / "new-task.md").read_text(encoding="utf-8")


def python_of(page: str) -> str:
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(block)


def methods_of(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


def test_the_modality_of_the_page_is_registered_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modalities, "_registered", {})
    exec(python_of(MODALITY_PAGE), {"__name__": "plugin", "register": modalities.register, "Modality": Modality})
    assert modalities.modality("metabolites").own_path({"source": "table", "path": "own.parquet"}) == "own.parquet"


def test_the_task_of_the_page_is_registered_with_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_ADDED", {})
    parts = ModuleType("my_parts")
    parts.learning = part = object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_parts", parts)
    names = {"register": tasks.register, "Task": tasks.Task, "Scoring": dict, "Reporting": list}
    exec(python_of(TASK_PAGE), names)
    grade = tasks.added("grade")
    assert (grade.learning(), grade.scoring(), grade.reporting()) == (part, {}, [])


def test_the_survival_example_prints_a_concordance_with_its_interval(capsys: pytest.CaptureFixture[str]) -> None:
    exec(python_of(METRICS_PAGE.split("\n## Survival")[1].split("\n## ")[0]), {})
    assert re.match(r"Interval\(mean=0\.\d+, low=0\.\d+, high=1\.0, n=6\)", capsys.readouterr().out)


def test_the_attributions_of_the_example_add_up() -> None:
    names: dict[str, Any] = {}
    exec(python_of(METRICS_PAGE.split("\n## Attributions")[1].split("\n## ")[0]), names)
    assert float(names["found"].values.sum()) == pytest.approx(names["found"].change, rel=0.011, abs=1e-4)


def test_the_modality_page_lists_every_method_of_a_source() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \| ", MODALITY_PAGE.split("## 2.")[1].split("## 3.")[0], re.MULTILINE))
    assert listed == methods_of(Source)


def test_the_modality_page_lists_every_file_of_every_shard_format() -> None:
    table = MODALITY_PAGE.split("## 3.")[1].split("| --- |", 1)[1].split("## 4.")[0]
    found = re.findall(r"^\| `(\w+)` (.*)$", table, re.MULTILINE)
    rows = {name: set(re.findall(r"`([\w.{}-]+\.\w+)`", line)) for name, line in found}
    assert rows == {name: {*files.values()} for name, files in SHARD_FILES.items()}


@pytest.mark.parametrize(
    "part", [learning.Learning, scoring.Scored, scoring.Scoring, scoring.OfCohort, reporting.Reporting]
)
def test_the_task_page_lists_every_function_of_a_part(part: type) -> None:
    table = TASK_PAGE.split("## 1.")[1].split("Signatures")[0]
    assert methods_of(part) <= set(re.findall(r"`(\w+)`", table))
