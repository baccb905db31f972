import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.sidecar import digested_path
from mgi.probes.tables import COLUMNS, OF_MODALITIES, OUT_OF_FOLD
from mgi.reporting.probe_section import section, set_name
from mgi.reporting.whole_results import fault_of, kinds_of
from probed_world import options, write_world


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    world = write_world(tmp_path_factory.mktemp("probed"), idh=("rna",))
    assert main(options(world)) == 0
    return world / "probe"


def rewritten(folder: Path, tmp_path: Path, name: str, table: pd.DataFrame) -> Path:
    """A copy of the folder in which one table is another."""
    copy = tmp_path / "probe"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    with digested_path(copy / name, [copy / OUT_OF_FOLD]) as part:
        table.to_csv(part, index=False)
    return copy


def test_every_figure_is_there_and_says_what_it_shows_and_what_not(folder: Path) -> None:
    found = section(folder, simulated=True)
    assert found.links == {"probes": "Probes"}
    assert set(found.figures) == {
        "probes_paired", "probed_survival_paired", "probes_expression", "probed_survival_expression", "risk_thirds",
        "vector_maps", "retrieval",
    }  # fmt: skip
    assert all(found.figures.values())
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", found.html, re.DOTALL)
    assert len(captions) == 7
    assert all("Shown: " in one and "Not shown: " in one for one in captions)


def test_circular_scores_and_the_rule_of_the_curves_are_said(folder: Path) -> None:
    html = section(folder, simulated=False).html
    assert "idh is read off rna" in html
    assert "had the highest concordance in inner folds of training" in html
    assert html.count("<h3>Patients with image and genes") == 1


def test_the_set_of_the_curves_is_chosen_by_training_alone(folder: Path, tmp_path: Path) -> None:
    table = pd.read_csv(folder / "survival.csv")
    table.loc[(table["table"] == "paired") & (table["features"] == "image"), "harrell_c"] = 0.99
    table.loc[(table["table"] == "paired") & (table["features"] == "genes"), "inner_c"] = 0.98
    html = section(rewritten(folder, tmp_path, "survival.csv", table), simulated=False).html
    assert "thirds of their predicted risk by genes, Kaplan-Meier" in html


def test_without_survival_there_are_no_curves(folder: Path, tmp_path: Path) -> None:
    table = pd.read_csv(folder / "survival.csv").head(0)
    found = section(rewritten(folder, tmp_path, "survival.csv", table), simulated=False)
    assert "Survival by predicted risk" not in found.html
    assert "risk_thirds" not in found.figures
    assert found.figures["probed_survival_paired"] is None


def test_a_table_of_other_columns_or_a_damaged_one_is_refused(folder: Path, tmp_path: Path) -> None:
    other = rewritten(folder, tmp_path, "probes.csv", pd.DataFrame({"a": [1]}))
    with pytest.raises(BadInputError, match=r"probes.csv: columns a; expected target"):
        section(other, simulated=False)
    (other / "retrieval.csv").write_text("x\n")
    with pytest.raises((IntegrityError, BadInputError)):
        section(other, simulated=False)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (("image", "pretrain", 0), "image"),
        (("both_untrained", "pretrain", 1), "image and genes, untrained, seed 1"),
        (("genes", "pretrain-random-id", 0), "genes · random-id"),
        (("clinical", None, None), "age and sex"),
        (("cn_untrained", "pretrain-inner", 0), "cn, untrained · inner"),
    ],
)
def test_a_set_is_named_with_its_run_where_that_tells_it_apart(row: tuple, name: str) -> None:
    assert set_name(dict(zip(("features", "pretraining", "run_seed"), row, strict=True))) == name


def test_verify_reads_vectors_and_probes_too(folder: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(folder.parent, tmp_path / "results"))
    kinds = {name: files for name, files in kinds_of(results) if files}
    assert {name: len(kinds[name]) for name in ("embeddings", "probes")} == {"embeddings": 1, "probes": 6}
    assert [fault_of(*one) for name in ("embeddings", "probes") for one in kinds[name]] == [None] * 7
    for path, kind in (*kinds["embeddings"], *kinds["probes"]):
        before = path.read_bytes()
        place = min(100, len(before) // 2)  # a table without rows is shorter
        path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
        assert str(path) in (fault_of(path, kind) or "")
        path.write_bytes(before)


def test_of_several_modalities_expression_is_drawn_among_them_and_not_twice(folder: Path, tmp_path: Path) -> None:
    table = pd.read_csv(folder / "retrieval.csv").assign(modality="rna")
    more = pd.concat([table, table.assign(modality="cn")])[list(COLUMNS[OF_MODALITIES])]
    found = section(rewritten(folder, tmp_path, OF_MODALITIES, more), simulated=False)
    assert found.figures["retrieval"] is None
    assert found.figures["retrieval_modalities"] is not None
    assert "Retrieval of each modality by image" in found.html
    assert "Retrieval of genes by image" not in found.html
    assert "retrieval_modalities" not in section(folder, simulated=False).figures
