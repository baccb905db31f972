"""The report's part on associations says what was found with and without the subtype, and draws it."""

import base64
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mgi.association.inputs import gather
from mgi.association.patient_table import About, FeatureTable, PatientTable
from mgi.association.scan import scan
from mgi.association.scan_file import read_scan
from mgi.association.tables import write_associations
from mgi.core.errors import BadInputError
from mgi.reporting.associate_figures import genome_places
from mgi.reporting.associate_section import hit_rows, r_of_one, section

N, GENES = 80, 30
PATIENTS = tuple(f"P{n:02d}" for n in range(N))
COLUMNS = ("age", "site")


def write_scan(folder: Path, *, given: bool, placed: bool = True, effect: float = 3.0) -> None:
    """Gene 3 goes with the volume, gene 5 only by way of the subtype, which moves both."""
    rng = np.random.default_rng(0)
    subtype = rng.integers(0, 2, N)
    genes = rng.normal(size=(N, GENES)).astype(np.float32)
    genes[:, 5] += 3 * subtype
    volume = effect * (genes[:, 3] + 2 * subtype) + rng.normal(size=N)
    columns = {
        "volume": volume, "noise": rng.normal(size=N), "age": rng.normal(50, 9, N), "site": rng.integers(0, 4, N),
        "subtype": subtype,
    }  # fmt: skip
    cells = {name: [str(value) for value in values] for name, values in columns.items()}

    def table(*names: str) -> PatientTable:
        return PatientTable(
            paths=dict.fromkeys(names, folder), patients=PATIENTS, cells={name: cells[name] for name in names}
        )

    about = tuple(
        About(f"NAME{n}", ("chr2", "chr10", "chrX")[n % 3], 100 * n) if placed else About() for n in range(GENES)
    )
    features = FeatureTable(patients=PATIENTS, names=tuple(f"G{n}" for n in range(GENES)), about=about, values=genes)
    covariates = table(*COLUMNS, "subtype") if given else table(*COLUMNS)
    inputs = gather(table("volume", "noise"), features, covariates, ["site", *(["subtype"] if given else [])])
    how = {"transform": "both", "permutations": 99, "seed": 0}
    found = scan(inputs.phenotypes, inputs.features, inputs.design, **how)  # type: ignore[arg-type]
    write_associations(folder, found, inputs, 0.05, [], how)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_scan(tmp_path / "lesion", given=False)
    write_scan(tmp_path / "lesion-subtype", given=True)
    return tmp_path


def test_a_scan_is_read_as_it_was_written(folder: Path) -> None:
    alone, given = (read_scan(folder / name) for name in ("lesion", "lesion-subtype"))
    assert (alone.phenotypes, len(alone.features), alone.n, alone.df) == (("volume", "noise"), GENES, N, N - 6)
    assert set(alone.hit_pairs()) == {("volume", "G3"), ("volume", "G5")}
    assert given.hit_pairs() == [("volume", "G3")]
    assert alone.about[4] == About("NAME4", "chr10", 400)
    assert alone.p[0, 3] == alone.p.min()
    assert alone.inflation["hits"].tolist() == [2, 0]


def test_what_the_subtype_explains_is_said_to_go(folder: Path) -> None:
    made = section(folder, simulated=True)
    assert "2 features of the tumour by its reference mask were tested against 30 genes in 80 patients" in made.html
    assert "given age, site (4 categories): 2 tests have q at most 0.05" in made.html
    assert "Given the subtype too (subtype; 80 patients): 1 test has q at most 0.05" in made.html
    assert "1 hit is in both" in made.html
    assert "along the genome" in made.html
    assert list(made.figures) == ["associate_lesion_manhattan", "associate_lesion_volcano"]
    assert made.links == {"associations": "Associations"}
    rows = hit_rows(*(read_scan(folder / name) for name in ("lesion", "lesion-subtype")))
    assert [row["gene"] for row in rows] == ["NAME3", "NAME5"]
    assert rows[0]["given"]["q"] < 0.05 < rows[1]["given"]["q"]


def test_figures_are_the_same_each_time_and_simulated_ones_are_marked(folder: Path) -> None:
    once, again, real = (section(folder, simulated=simulated).figures for simulated in (True, True, False))
    for name, drawn in once.items():
        assert drawn == again[name]
        assert drawn != real[name]
        assert b"<image" in base64.b64decode(str(drawn).split("base64,")[1])  # dots are pixels, letters are not


def test_without_hits_positions_and_a_second_scan_that_is_said(tmp_path: Path) -> None:
    write_scan(tmp_path / "embedding", given=True, placed=False, effect=0.0)
    found = read_scan(tmp_path / "embedding")
    made = section(tmp_path, simulated=False)
    assert "no tests have q at most 0.05." in made.html
    assert f"in 80 patients a single one must reach an r of {r_of_one(found):.2f}" in made.html
    assert "in the order of the table, since the shard has no positions" in made.html
    assert "given subtype" not in made.html.lower()


def test_a_scan_of_another_modality_stands_after_that_of_expression_and_is_named(folder: Path) -> None:
    write_scan(folder / "lesion-cn", given=False, effect=0.0)
    write_scan(folder / "lesion-cn-subtype", given=True, effect=0.0)
    made = section(folder, simulated=True)
    assert list(made.figures) == [
        "associate_lesion_manhattan", "associate_lesion_volcano",
        "associate_lesion_cn_manhattan", "associate_lesion_cn_volcano",
    ]  # fmt: skip
    first, second = made.html.split("<h3>")[1:]
    assert "tested against 30 genes" in first
    assert '<th scope="col">Gene</th>' in first
    assert "Features of the tumour: cn</h3>" in second
    assert "tested against 30 features of cn" in second
    assert second.count("Given the subtype too") == 1
    assert "gene" not in second.replace("genome", "")


def test_a_scan_of_another_modality_may_stand_alone(tmp_path: Path) -> None:
    write_scan(tmp_path / "embedding-mirna", given=False)
    assert next(iter(section(tmp_path, simulated=True).figures)) == "associate_embedding_mirna_manhattan"


def test_the_r_of_one_gene_is_that_of_bonferroni(folder: Path) -> None:
    found = read_scan(folder / "lesion")
    needed = r_of_one(found)
    t = needed * np.sqrt(found.df / (1 - needed**2))
    assert 2 * stats.t.sf(t, found.df) * found.p.size == pytest.approx(0.05)


def test_chromosomes_stand_in_their_order_and_genes_without_a_place_nowhere() -> None:
    about = [About("a", "chrX", 5), About("b", "2", 30), About("c", None, None), About("d", "chr10", 7)]
    placed = genome_places(about)
    assert placed is not None
    places, spans = placed
    assert spans == [("2", 0.0, 30.0), ("10", 30.0, 37.0), ("X", 37.0, 42.0)]
    np.testing.assert_array_equal(places, [42, 30, np.nan, 37])
    assert genome_places([About("a")]) is None


def test_no_scan_and_one_that_lacks_tests_are_refused(folder: Path) -> None:
    with pytest.raises(BadInputError, match="found no scan, expected a folder lesion or embedding"):
        section(folder / "nowhere", simulated=False)
    phenotypes = folder / "lesion/phenotypes.tsv"
    phenotypes.unlink()
    with pytest.raises(BadInputError, match=r"phenotypes.tsv: missing"):
        read_scan(folder / "lesion")
