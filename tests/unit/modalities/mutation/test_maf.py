import gzip
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.mutation.maf import CHANGES_PROTEIN, read_maf, require_tumour
from mgi.modalities.mutation.tumour import tumour_of, tumours_of

BARCODE = "TCGA-CS-0001-01A-11D-A001-08"
COLUMNS = (
    "Hugo_Symbol", "Chromosome", "Variant_Classification", "Tumor_Sample_Barcode", "HGVSp_Short", "Gene", "callers"
)  # fmt: skip
HEAD = ("#version gdc-1.0.0", "#contigs chr1,chr2", "#tumor.aliquot id-1", "\t".join(COLUMNS))
IDH1 = ("IDH1", "chr2", "Missense_Mutation", BARCODE, "p.R132H", "ENSG00000138413", "muse")


def text(*rows: tuple[str, ...], head: tuple[str, ...] = HEAD) -> str:
    return "\n".join([*head, *("\t".join(row) for row in rows)]) + "\n"


def row(**changes: str) -> tuple[str, ...]:
    return tuple({**dict(zip(COLUMNS, IDH1, strict=True)), **changes}.values())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.maf.gz"


def written(path: Path, content: str) -> Path:
    path.write_bytes(gzip.compress(content.encode(), mtime=0))
    return path


def test_columns_are_found_by_name_and_every_line_with_a_hash_is_no_variant(path: Path) -> None:
    found = read_maf(written(path, text(IDH1, ("#end of the first part",), row(Hugo_Symbol="ATRX", Gene="E2"))))
    assert found.table["Hugo_Symbol"].to_pylist() == ["IDH1", "ATRX"]
    assert (found.pragmas["tumor.aliquot"], found.pragmas["version"]) == ("id-1", "gdc-1.0.0")
    path.write_text(text(IDH1))  # not packed
    assert read_maf(path).table["HGVSp_Short"].to_pylist() == ["p.R132H"]


def test_a_file_without_rows_is_a_tumour_without_mutations(path: Path) -> None:
    found = tumour_of(read_maf(written(path, text())))
    assert (found.genes, found.hotspots, found.burden) == ({}, frozenset(), 0)


@pytest.mark.parametrize("name", CHANGES_PROTEIN)
def test_nine_classes_change_the_protein(path: Path, name: str) -> None:
    assert tumour_of(read_maf(written(path, text(row(Variant_Classification=name))))).genes == {IDH1[5]: "IDH1"}


@pytest.mark.parametrize("name", ["Silent", "3'UTR", "Intron", "IGR", "Splice_Region"])
def test_the_others_count_for_the_burden_alone(path: Path, name: str) -> None:
    found = tumour_of(read_maf(written(path, text(row(Variant_Classification=name, Gene="")))))
    assert (found.genes, found.hotspots, found.burden) == ({}, frozenset(), 1)


@pytest.mark.parametrize(
    ("symbol", "change", "expected"),
    [
        ("IDH1", "p.R132H", {"IDH1:R132"}), ("IDH1", "p.R132C", {"IDH1:R132"}), ("IDH2", "p.R172K", {"IDH2:R172"}),
        ("IDH1", "p.R1320H", set()), ("IDH1", "p.R100Q", set()), ("IDH2", "p.R132H", set()), ("IDH1", "", set()),
    ],
)  # fmt: skip
def test_a_hotspot_is_a_residue_of_a_gene(path: Path, symbol: str, change: str, expected: set[str]) -> None:
    found = tumour_of(read_maf(written(path, text(row(Hugo_Symbol=symbol, HGVSp_Short=change)))))
    assert found.hotspots == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (text(row(Variant_Classification="Missense")), "variant 1 after line 4: Variant_Classification: .*'Missense'"),
        (text(IDH1, row(Hugo_Symbol="")), "variant 2 after line 4: Hugo_Symbol: found nothing"),
        (text(row(Gene="")), "variant 1 after line 4: Gene: found nothing"),
        (text(IDH1, IDH1[:-1]), "rows after line 4: .*6"),
        (text(IDH1)[:-1], "the last line is cut"),
        (text(IDH1).replace("Hugo_Symbol", "Symbol"), "line 4: columns .*expected Hugo_Symbol"),
        (text(IDH1).replace("callers", "Gene"), "line 4: column Gene occurs twice"),
        ("\n".join(HEAD[:3]) + "\n", "no header after 3 lines"),
        ("", "empty file"),
        (text(IDH1) + text(IDH1, head=HEAD[3:]), "Variant_Classification: .*'Variant_Classification'"),
        (text(IDH1).replace("muse", "mu\rse"), "found a carriage return"),
    ],
)
def test_what_the_archive_cannot_write_is_named(path: Path, content: str, said: str) -> None:
    with pytest.raises(BadInputError, match=rf"a\.maf\.gz: .*{said}"):
        read_maf(written(path, content))


def test_a_damaged_and_an_endless_gzip_are_refused(path: Path) -> None:
    whole = gzip.compress(text(*[IDH1] * 50).encode())
    path.write_bytes(whole[:-20])
    with pytest.raises(BadInputError, match="damaged gzip"):
        read_maf(path)
    path.write_bytes(gzip.compress(b"#" + b"x" * (64 << 20)))
    with pytest.raises(BadInputError, match="unpacks more than"):
        read_maf(path)


def test_a_file_of_another_tumour_than_the_lock_says_is_refused(path: Path) -> None:
    read = read_maf(written(path, text(IDH1)))
    require_tumour(read, BARCODE, "id-1", path)
    require_tumour(read, BARCODE, "", path)
    require_tumour(read_maf(written(path, text())), BARCODE, "id-1", path)
    with pytest.raises(BadInputError, match=r"#tumor\.aliquot: found id-1, expected id-2 as in the lock"):
        require_tumour(read, BARCODE, "id-2", path)
    with pytest.raises(BadInputError, match=rf"Tumor_Sample_Barcode: found {BARCODE}, expected TCGA-CS-0002"):
        require_tumour(read, "TCGA-CS-0002-01A", "", path)


def test_a_users_file_may_lack_columns_and_have_classes_of_its_own(path: Path) -> None:
    names = ("Hugo_Symbol", "Variant_Classification", "Tumor_Sample_Barcode")
    rows = [("TP53", "Missense_Mutation", "P1"), ("TP53", "Fusion", "P2"), ("IDH1", "Missense_Mutation", "P2")]
    written(path, text(*rows, head=("\t".join(names),)))
    with pytest.raises(BadInputError, match="expected Gene"):
        read_maf(path)
    found = tumours_of(read_maf(path, strict=False))
    assert {label: (dict(one.genes), one.hotspots, one.burden) for label, one in found.items()} == {
        "P1": ({"TP53": "TP53"}, None, 1),
        "P2": ({"IDH1": "IDH1"}, None, 2),
    }
