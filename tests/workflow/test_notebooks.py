"""The notebooks run from the first cell to the last, on the toy run, and so does the page on Python."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
BOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))
RUNNER = ROOT / "tests/notebook_runner.py"
PAGE = ROOT / "docs/how-to/python.md"


@pytest.fixture
def checkout(toy: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of the toy workflow with its results, for one test alone."""
    return Path(shutil.copytree(toy[0], tmp_path / "checkout", symlinks=True))


def run(*command: object, cwd: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SNAKEMAKE", "PYTEST"))}
    env |= {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "default"}
    done = subprocess.run([sys.executable, *map(str, command)], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def run_book(name: str, checkout: Path, **values: str) -> None:
    given = {"CHECKOUT": str(checkout), "RESULTS": "results/toy", **values}
    book = ROOT / f"docs/notebooks/{name}.ipynb"
    run(RUNNER, book, *(f"{key}={value}" for key, value in given.items()), cwd=checkout)


def test_the_tour_of_the_results(checkout: Path) -> None:
    run_book("tour", checkout)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_own_encoder_is_compared_in_its_own_folder_and_trains_and_fetches_nothing_else(checkout: Path) -> None:
    toy, own = checkout / "results/toy", checkout / "results/my-encoder"
    before = contents(toy)
    run_book("own-encoder", checkout, CONFIG="config/toy.yaml")
    assert contents(toy) == before
    weights = "runs/mgi-fold0-seed0/weights.safetensors"
    assert (own / weights).stat().st_mtime_ns == (toy / weights).stat().st_mtime_ns
    assert not any((own / name).exists() for name in ("archive", "raw"))
    methods = pd.read_csv(own / "evaluation/results.csv")["method"]
    assert {"mgi", "mgi-mean-mixer", "unet"} <= set(methods)
    again = contents(own)
    run_book("own-encoder", checkout, CONFIG="config/toy.yaml")
    assert contents(own) == again


def test_an_own_cohort_is_paired_and_segmented(checkout: Path) -> None:
    run_book("own-cohort", checkout, CONFIG="config/toy.yaml")
    cohort = pd.read_csv(checkout / "results/my-cohort/tables/cohort.tsv", sep="\t").set_index("patient_id")
    assert (cohort["status"] == "kept").sum() == 11
    assert cohort.loc["P12", "reason"] == "no expression"
    masks = pd.read_csv(checkout / "my-masks/patients.csv")
    assert len(masks) == 12
    assert set(masks["status"]) == {"done"}


@pytest.mark.parametrize("book", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_outputs_and_its_links_lead_somewhere(book: Path) -> None:
    cells = json.loads(book.read_text())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    text = "".join(line for cell in cells if cell["cell_type"] == "markdown" for line in cell["source"])
    links = re.findall(r"\]\(([^)#\s]+)", text)
    assert [link for link in links if not (book.parent / link).exists()] == []
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells) == 1


def test_the_page_on_python_runs_as_it_is_printed(checkout: Path, tmp_path: Path) -> None:
    (checkout / "results/demo").symlink_to(checkout / "results/toy")
    weights = "results/demo/runs/unet-fold0-seed0/weights.safetensors"
    run("-m", "mgi", "release", "--weights", weights, "--output", "my-model", cwd=checkout)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "page.py").write_text("\n".join(blocks))
    run(tmp_path / "page.py", cwd=checkout)


def test_the_runner_names_the_cell_and_refuses_a_parameter_that_is_not_there(tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": ["A = 1\n", "B = 2"]}]
    (tmp_path / "b.ipynb").write_text(
        json.dumps({"cells": [*cells, {"cell_type": "code", "metadata": {}, "source": ["1 / int(A)"]}]})
    )
    run(RUNNER, tmp_path / "b.ipynb", "A=3", cwd=tmp_path)
    for values, said in ((["A=0"], "b.ipynb, cell 1"), (["C=1"], "no parameter C")):
        command = [sys.executable, str(RUNNER), str(tmp_path / "b.ipynb"), *values]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert said in done.stderr
