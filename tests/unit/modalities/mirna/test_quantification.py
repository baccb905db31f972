from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.mirna.quantification import read_quantification, require_same_names

HEADER = "miRNA_ID\tread_count\treads_per_million_miRNA_mapped\tcross-mapped\n"
READS = {"hsa-let-7a-1": 39039, "hsa-let-7a-2": 39190, "hsa-mir-21": 312_345, "hsa-mir-9999": 0, "hsa-mir-1-1": 1}
TEXT = HEADER + "".join(
    f"{name}\t{reads}\t{reads * 1e6 / 390_575:.6f}\t{'Y' if name.endswith('-2') else 'N'}\n"
    for name, reads in READS.items()
)


def written(folder: Path, text: str | bytes, name: str = "sample.mirnas.quantification.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_names_reads_and_rates_are_read_as_pandas_reads_them(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    read, peer = read_quantification(path), pd.read_csv(path, sep="\t")
    assert read.names.to_pylist() == peer["miRNA_ID"].tolist() == list(READS)
    assert read.reads.tolist() == peer["read_count"].tolist()
    assert read.rpm.tolist() == peer["reads_per_million_miRNA_mapped"].tolist()


def test_rates_rounded_to_six_decimals_pass_whatever_the_depth(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for total in (1_000, 3_000_017, 40_000_000):
        reads = rng.multinomial(total, rng.dirichlet(np.full(1881, 0.05)))
        rows = (f"mir-{n}\t{count}\t{count * 1e6 / total:.6f}\tN\n" for n, count in enumerate(reads))
        assert read_quantification(written(tmp_path, HEADER + "".join(rows))).reads.sum() == total


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


BROKEN: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "byte order mark": (lambda text: "\ufeff" + text, "byte order mark"),
    "no header": (lambda text: text.split("\n", 1)[1], "line 1: found 'hsa-let-7a-1 39039"),
    "swapped columns": (swap("miRNA_ID\tread_count", "read_count\tmiRNA_ID"), "line 1: found 'read_count miRNA_ID"),
    "no rows": (lambda text: HEADER, "no rows"),
    "cut in a line": (lambda text: text[:-3], "the last line is cut"),
    "glued to itself": (lambda text: text + text, "two files glued together"),
    "a fractional count": (swap("\t39190\t", "\t39190.5\t"), "line 3: read_count: invalid value '39190.5'"),
    "a negative count": (swap("\t39190\t", "\t-39190\t"), "line 3: read_count: found -39190"),
    "another count": (swap("\t39190\t", "\t39191\t"), r"line 3: reads_per_million.*with 39191 reads, expected 1"),
    "another rate": (swap("99952", "99951"), r"line 2: reads_per_million_miRNA_mapped: found"),
    "a rate without reads": (swap("\t0\t0.000000", "\t0\t3.000000"), "line 5: .*found 3.0 with 0 reads"),
    "a rate that is missing": (swap("0.000000", "NA"), "line 5: .*found NA"),
    "a count that is missing": (swap("\t39190\t", "\tNA\t"), "line 3: read_count"),
    "an infinite rate": (swap("0.000000", "inf"), "line 5: .*found inf, expected a finite number of 0 or more"),
    "neither Y nor N": (swap("\tY\n", "\tyes\n"), "line 3: cross-mapped 'yes', expected Y or N"),
    "a name twice": (swap("hsa-let-7a-2", "hsa-let-7a-1"), "line 3: miRNA_ID hsa-let-7a-1: found twice"),
    "no name": (swap("hsa-let-7a-2", ""), "line 3: miRNA_ID ''"),
    "one column more": (swap("\tY\n", "\tY\t1\n"), "line 3: Expected 4 columns, got 5"),
    "a blank": (swap("\tY\n", " \tY\n"), "line 3: found a blank"),
    "no reads at all": (lambda text: HEADER + "a\t0\t0\tN\nb\t0\t0\tN\n", "no read in 2 microRNAs"),
}


@pytest.mark.parametrize("after", [False, True], ids=["alone", "after a good file"])
@pytest.mark.parametrize("fault", BROKEN)
def test_a_file_that_the_archive_cannot_have_written_is_refused_by_name(
    tmp_path: Path, fault: str, after: bool
) -> None:
    change, expected = BROKEN[fault]
    broken = change(TEXT)
    assert broken != TEXT
    like = read_quantification(written(tmp_path, TEXT)) if after else None
    with pytest.raises(BadInputError, match=expected) as caught:
        read_quantification(written(tmp_path, broken), like=like)
    assert "sample.mirnas.quantification.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_list_of_names_is_refused(tmp_path: Path) -> None:
    first = read_quantification(written(tmp_path, TEXT))
    path = written(tmp_path, TEXT.replace("mir-21", "mir-22"), "b.txt")
    with pytest.raises(BadInputError, match=r"b\.txt: microRNA 3 is hsa-mir-22, expected hsa-mir-21 as in"):
        require_same_names(first, read_quantification(path, like=first), path)
