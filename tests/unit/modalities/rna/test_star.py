from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna.star import StarTable, read_star, require_same_genes

TPM = {"ENSG00000000003.15": 600_000.0, "ENSG00000000005.6": 399_999.5, "ENSG00000000419.13": 0.5}
PAR_Y = {"ENSG00000002586.20_PAR_Y": 0.0}
REAL = "expression/979a75fb-49bd-48e4-b7b1-1391a67726cb.rna_seq.augmented_star_gene_counts.tsv"


@pytest.fixture
def text(star_text: Callable[..., str]) -> str:
    return star_text(TPM)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "sample.tsv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_ids_counts_and_tpm_are_read(tmp_path: Path, text: str) -> None:
    table = read_star(written(tmp_path, text))
    assert table.gene_model == "GENCODE v36"
    assert table.gene_ids.tolist() == list(TPM)
    assert table.genes["gene_type"].tolist() == ["protein_coding"] * 3
    assert table.counts.tolist() == [600_000, 400_000, 1]
    assert table.numbers["tpm_unstranded"].tolist() == list(TPM.values())
    assert table.numbers["fpkm_unstranded"].tolist() == [300_000.0, 199_999.75, 0.25]
    assert table.numbers["fpkm_uq_unstranded"].tolist() == [200_000.0, 133_333.1667, 0.1667]


def test_a_hash_or_a_quote_in_a_gene_name_is_a_character(tmp_path: Path, star_text: Callable[..., str]) -> None:
    names = {"ENSG00000000003.15": ('A"#B', "lncRNA")}
    table = read_star(written(tmp_path, star_text(TPM, names=names)))
    assert table.genes["gene_name"][0] == 'A"#B'
    assert len(table.gene_ids) == 3


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


BROKEN: dict[str, tuple[Callable[[str], str], str]] = {
    "byte order mark": (lambda text: "\ufeff" + text, "byte order mark"),
    "NUL byte": (swap("\t400000\t", "\t40\x000000\t"), "NUL"),
    "carriage returns": (lambda text: text.replace("\n", "\r\n"), "carriage return"),
    "decimal comma": (swap("0.5000", "0,5000"), "gene rows"),
    "no gene model": (swap("# gene-model", "# model"), "line 1"),
    "swapped header names": (swap("unstranded\tstranded_first", "stranded_first\tunstranded"), "line 2"),
    "a missing summary row": (swap("N_noFeature\t\t\t7\t8\t9\t\t\t\n", ""), "line 5"),
    "a summary row with TPM": (swap("N_ambiguous\t\t\t7\t8\t9\t\t\t", "N_ambiguous\t\t\t7\t8\t9\t1\t\t"), "line 6"),
    "a summary row without number": (swap("N_unmapped\t\t\t7", "N_unmapped\t\t\tx"), "line 3"),
    "cut in a line": (lambda text: text[:-4], "line is cut"),
    "cut at a line": (lambda text: text[: text.index("ENSG00000000005")], r"tpm_unstranded .*600000\.0.* 1000000 "),
    "cut in the header": (lambda text: text[: text.index("N_noFeature")], r"sample\.tsv: .*first 6 lines"),
    "no gene rows": (lambda text: text[: text.index("ENSG")], "no gene rows"),
    "glued to itself": (lambda text: text + text, "glued"),
    "glued without comment": (lambda text: text + text.split("\n", 1)[1], "glued"),
    "a gene twice": (swap("ENSG00000000005.6", "ENSG00000000003.15"), r"gene_id ENSG00000000003\.15: .*twice"),
    "a negative count": (swap("\t400000\t", "\t-40000\t"), r": unstranded .*ENSG00000000005\.6: .*-40000"),
    "a fractional count": (swap("\t400000\t", "\t400000.5\t"), "gene rows"),
    "an infinite value": (swap("199999.7500", "inf"), r"fpkm_unstranded .*ENSG00000000005\.6: .* inf"),
    "a number out of range": (swap("0.5000", "1e400"), r"tpm_unstranded .*ENSG00000000419\.13: .* inf"),
    "a value that is none": (swap("0.5000", "nan"), r"tpm_unstranded .*ENSG00000000419\.13: .* nan"),
    "an empty value": (swap("0.5000", ""), "gene rows"),
    "an empty gene name": (swap("NAME3.15", ""), "gene_name"),
    "a blank in an id": (swap("ENSG00000000005.6", "ENSG 5.6"), "gene_id"),
    "TPM of another total": (swap("399999.5000", "399990.5000"), r"tpm_unstranded .*999991\.0.* 1000000 "),
    "TPM without reads": (swap("\t1\t1\t0\t0.5", "\t0\t1\t0\t0.5"), "tpm_unstranded above 0"),
    "one column more": (swap("0.5000", "0.5000\t1"), "gene rows"),
}


@pytest.mark.parametrize("after", [False, True], ids=["alone", "after a good file"])
@pytest.mark.parametrize("fault", BROKEN)
def test_a_file_that_the_archive_cannot_have_written_is_refused_by_name(
    tmp_path: Path, text: str, fault: str, after: bool
) -> None:
    change, expected = BROKEN[fault]
    broken = change(text)
    assert broken != text
    like = read_star(written(tmp_path, text)) if after else None
    with pytest.raises(BadInputError, match=expected) as caught:
        read_star(written(tmp_path, broken), like=like)
    assert "sample.tsv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_all_zero_sample_is_refused(tmp_path: Path, star_text: Callable[..., str]) -> None:
    with pytest.raises(BadInputError, match=r"tpm_unstranded .* 0\.0.* 1000000 "):
        read_star(written(tmp_path, star_text(dict.fromkeys(TPM, 0.0))))


def test_the_tolerance_of_the_total_grows_with_the_expressed_genes(
    tmp_path: Path, star_text: Callable[..., str]
) -> None:
    many = {f"ENSG{index:05d}.1": 1000.0 for index in range(1000)}
    shifted = star_text(many | {"ENSG00000.1": 1000.04})
    assert (
        len(read_star(written(tmp_path, shifted)).numbers["tpm_unstranded"]) == 1000
    )  # 1,000 genes may round by .05 together
    with pytest.raises(BadInputError, match=r"tpm_unstranded .*1000000\.06.* 1000000 "):
        read_star(written(tmp_path, star_text(many | {"ENSG00000.1": 1000.06})))


def test_only_named_errors_leave_the_parser_and_the_fast_path_refuses_the_same(tmp_path: Path, text: str) -> None:
    good = read_star(written(tmp_path, text))
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(600):
        data = bytearray(text.encode())
        data[rng.integers(len(data))] = rng.integers(256)
        alone = refusal(written(tmp_path, bytes(data)), None)
        assert refusal(tmp_path / "sample.tsv", good) == alone
        refused += alone is not None
    assert refused > 200


def refusal(path: Path, like: StarTable | None) -> str | None:
    """What the parser says of a file; None where it passes."""
    try:
        read_star(path, like=like)
    except BadInputError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("genes", "expected"),
    [
        (["ENSG00000000003.15", "ENSG00000000005.6"], r"other\.tsv: number of genes 2.*3 "),
        ([*TPM, "ENSG9.1"], r"other\.tsv: number of genes 4.*3 "),
        (
            ["ENSG00000000005.6", "ENSG00000000003.15", "ENSG00000000419.13"],
            r"other\.tsv: gene_id row 0: .*'ENSG00000000005\.6'.*'ENSG00000000003\.15'",
        ),
        (
            ["ENSG00000000003.15", "ENSG00000000005.7", "ENSG00000000419.13"],
            r"other\.tsv: gene_id row 1: .*'ENSG00000000005\.7'.*'ENSG00000000005\.6'",
        ),
    ],
    ids=["a missing gene", "an extra gene", "another order", "another version"],
)
def test_another_gene_index_is_refused_naming_the_first_difference(
    tmp_path: Path, text: str, star_text: Callable[..., str], genes: list[str], expected: str
) -> None:
    reference = read_star(written(tmp_path, text))
    other = read_star(written(tmp_path, star_text(dict.fromkeys(genes, 0.0) | {genes[0]: 1e6})))
    with pytest.raises(BadInputError, match=expected):
        require_same_genes(reference, other, "other.tsv")


def test_another_gene_model_is_refused(tmp_path: Path, text: str) -> None:
    reference = read_star(written(tmp_path, text))
    other = read_star(written(tmp_path, text.replace("v36", "v22")))
    with pytest.raises(BadInputError, match=r"other\.tsv: .*'GENCODE v22'.*'GENCODE v36'"):
        require_same_genes(reference, other, "other.tsv")
    require_same_genes(reference, reference, "same.tsv")


def test_a_real_file_of_the_archive_is_read(real_data: Path) -> None:
    table = read_star(real_data / REAL)
    assert len(table.gene_ids) == 60_660
    assert (table.gene_ids[0], table.genes["gene_name"][0], table.counts[0], table.numbers["tpm_unstranded"][0]) == (
        "ENSG00000000003.15",
        "TSPAN6",
        1715,
        167.9793,
    )
    assert abs(table.numbers["tpm_unstranded"].sum() - 1e6) < 0.01
    assert (table.genes["gene_type"] == "protein_coding").sum() == 19_962
