from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.expression.star_cohort import read_star_cohort

A, B, COPY = "ENSG00000000003.15", "ENSG00000000005.6", "ENSG00000000003.15_PAR_Y"


@pytest.fixture
def samples(tmp_path: Path, star_text: Callable[..., str]) -> list[Path]:
    paths = []
    for index, share in enumerate((3.0, 1023.0)):
        path = tmp_path / f"{index}.tsv"
        path.write_text(star_text({A: share, COPY: 0.0, B: 1e6 - share}))
        paths.append(path)
    return paths


def test_a_row_per_file_holds_log_tpm_without_the_copies(samples: list[Path]) -> None:
    cohort = read_star_cohort(samples)
    assert cohort.values[:, 0].tolist() == [2.0, 10.0]
    assert cohort.values.dtype == np.float32
    assert cohort.genes["gene_id"].tolist() == [A, B]
    assert (cohort.n_par_y_dropped, cohort.gene_model) == (1, "GENCODE v36")


def test_a_file_with_another_index_is_named(samples: list[Path], star_text: Callable[..., str]) -> None:
    samples[1].write_text(star_text({B: 1e6, COPY: 0.0, A: 0.0}))
    with pytest.raises(BadInputError, match=r"1\.tsv: gene_ids row 0"):
        read_star_cohort(samples)


def test_a_copy_with_reads_names_its_file(samples: list[Path], star_text: Callable[..., str]) -> None:
    samples[1].write_text(star_text({A: 0.0, COPY: 3.0, B: 1e6 - 3}))
    with pytest.raises(BadInputError, match=r"1\.tsv: gene .*PAR_Y"):
        read_star_cohort(samples)


def test_no_files_are_an_error() -> None:
    with pytest.raises(BadInputError, match="no files"):
        read_star_cohort([])
