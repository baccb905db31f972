from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna.shard import StarCohort
from mgi.modalities.rna.star import UNITS, Stored

A, B, COPY = "ENSG00000000003.15", "ENSG00000000005.6", "ENSG00000000003.15_PAR_Y"
REAL = "expression/979a75fb-49bd-48e4-b7b1-1391a67726cb.rna_seq.augmented_star_gene_counts.tsv"


@pytest.fixture
def samples(tmp_path: Path, star_text: Callable[..., str]) -> list[Path]:
    paths = []
    for index, share in enumerate((3.0, 1023.0)):
        path = tmp_path / f"{index}.tsv"
        path.write_text(star_text({A: share, COPY: 0.0, B: 1e6 - share}))
        paths.append(path)
    return paths


def test_a_profile_holds_log_tpm_and_counts_without_the_copies(samples: list[Path]) -> None:
    cohort = StarCohort(samples[0])
    profiles = [cohort.read(path, "tpm") for path in samples]
    assert [values[0] for values, _ in profiles] == [2.0, 10.0]
    assert [counts.tolist() for _, counts in profiles] == [[3, 999_997], [1023, 998_977]]
    assert tuple(one.dtype for one in profiles[0]) == (np.float32, np.uint32)
    assert cohort.genes["gene_id"].tolist() == [A, B]
    assert cohort.metadata == {"gene_model": "GENCODE v36", "par_y_rows_dropped": 1, "repeated_gene_names": 0}


@pytest.mark.parametrize(("stored", "expected"), [("tpm", 3.0), ("fpkm", 1.5), ("fpkm_uq", 1.0), ("counts", 3.0)])
def test_the_chosen_column_is_stored_as_the_binary_logarithm_of_one_more(
    samples: list[Path], stored: Stored, expected: float
) -> None:
    values, counts = StarCohort(samples[0]).read(samples[0], stored)
    assert values[0] == pytest.approx(np.log2(expected + 1))
    assert counts[0] == 3


def test_every_column_has_a_unit_of_its_own() -> None:
    assert list(UNITS.values()) == ["log2(TPM+1)", "log2(FPKM+1)", "log2(FPKM-UQ+1)", "log2(count+1)"]


def test_a_name_of_several_genes_stays_with_each_and_is_counted(tmp_path: Path, star_text: Callable[..., str]) -> None:
    path = tmp_path / "0.tsv"
    path.write_text(star_text({A: 1.0, B: 999_999.0}, names={A: ("Y_RNA", "misc_RNA"), B: ("Y_RNA", "misc_RNA")}))
    cohort = StarCohort(path)
    assert cohort.genes["gene_name"].tolist() == ["Y_RNA", "Y_RNA"]
    assert cohort.metadata["repeated_gene_names"] == 1


def test_a_file_with_another_index_is_named(samples: list[Path], star_text: Callable[..., str]) -> None:
    cohort = StarCohort(samples[0])
    samples[1].write_text(star_text({B: 1e6, COPY: 0.0, A: 0.0}))
    with pytest.raises(BadInputError, match=r"1\.tsv: gene_id row 0"):
        cohort.read(samples[1], "tpm")


def test_another_name_or_type_of_a_gene_is_named(samples: list[Path], star_text: Callable[..., str]) -> None:
    cohort = StarCohort(samples[0])
    samples[1].write_text(star_text({A: 1e6, COPY: 0.0, B: 0.0}, names={B: ("TNMD", "protein_coding")}))
    with pytest.raises(BadInputError, match=r"1\.tsv: gene_name row 2: .*'TNMD'.*'NAME05\.6'"):
        cohort.read(samples[1], "tpm")


def test_a_copy_with_reads_names_its_file(samples: list[Path], star_text: Callable[..., str]) -> None:
    cohort = StarCohort(samples[0])
    samples[1].write_text(star_text({A: 0.0, COPY: 3.0, B: 1e6 - 3}))
    with pytest.raises(BadInputError, match=r"1\.tsv: gene .*PAR_Y"):
        cohort.read(samples[1], "tpm")


def test_a_count_beyond_32_bits_is_refused(samples: list[Path]) -> None:
    cohort = StarCohort(samples[0])
    samples[1].write_text(samples[0].read_text().replace("\t999997\t", "\t4294967296\t", 1))
    with pytest.raises(BadInputError, match=rf"1\.tsv: unstranded .*{B}: .*4294967296"):
        cohort.read(samples[1], "tpm")


def test_two_versions_of_a_gene_are_refused(tmp_path: Path, star_text: Callable[..., str]) -> None:
    path = tmp_path / "0.tsv"
    path.write_text(star_text({A: 1e6, "ENSG00000000003.16": 0.0}))
    with pytest.raises(BadInputError, match=r"0\.tsv: gene ENSG00000000003: .*two"):
        StarCohort(path)


def test_a_real_file_keeps_all_but_its_copies_on_y(real_data: Path) -> None:
    cohort = StarCohort(real_data / REAL)
    counted = [cohort.metadata[name] for name in ("par_y_rows_dropped", "repeated_gene_names")]
    assert (len(cohort.genes), *counted) == (60_616, 44, 1_189)
    values, counts = cohort.read(real_data / REAL, "tpm")
    assert (values[0], counts[0]) == (np.float32(np.log2(168.9793)), 1715)
