from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rppa.antibodies import panel_of, read_antibodies

HEADER = "AGID\tlab_id\tcatalog_number\tset_id\tpeptide_target\tprotein_expression\n"
TEXT = HEADER + (
    "AGID00100\t882\tsc-628\tOld\t1433BETA\t-0.0482\n"
    "AGID00111\t913\tsc-23957 X\tOld\t1433EPSILON\tNA\n"
    "AGID00101\t882\t\tNew\tAKT_pS473\t1.25\n"
)


def written(folder: Path, text: str | bytes, name: str = "sample_RPPA_data.tsv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_antibodies_are_read_as_pandas_reads_them(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    read, peer = read_antibodies(path), pd.read_csv(path, sep="\t")
    assert read.targets == peer["peptide_target"].tolist()
    assert read.agids == peer["AGID"].tolist()
    np.testing.assert_array_equal(read.values, peer["protein_expression"].to_numpy(np.float32))


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


BROKEN: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "no header": (lambda text: text.split("\n", 1)[1], "line 1: found 'AGID00100"),
    "a column less": (lambda text: text.replace("set_id\t", ""), "line 1: found 'AGID lab_id catalog_number peptide"),
    "cut in a line": (lambda text: text[:-2], "the last line is cut"),
    "glued to itself": (lambda text: text + text, "two files glued together"),
    "an antibody twice": (swap("AGID00101", "AGID00100"), "line 4: AGID AGID00100: found twice"),
    "a target twice": (swap("AKT_pS473", "1433BETA"), "line 4: peptide_target 1433BETA: found twice"),
    "no target": (swap("AKT_pS473", ""), "line 4: peptide_target ''"),
    "another word for missing": (swap("\tNA\n", "\tNaN\n"), "line 3: protein_expression of AGID00111: found nan"),
    "an infinite level": (swap("1.25", "-inf"), "line 4: protein_expression of AGID00101: found -inf, expected a"),
    "a word": (swap("1.25", "high"), "line 4: protein_expression: invalid value 'high'"),
    "an empty level": (swap("1.25", ""), "line 4: protein_expression: invalid value ''"),
    "a decimal comma": (swap("1.25", "1,25"), "line 4: protein_expression: invalid value '1,25'"),
    "nothing measured": (lambda text: HEADER + "AGID1\t\t\t\tX\tNA\n", "all 1 are NA"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_file_that_the_archive_cannot_have_written_is_refused_by_name(tmp_path: Path, fault: str) -> None:
    change, expected = BROKEN[fault]
    broken = change(TEXT)
    assert broken != TEXT
    with pytest.raises(BadInputError, match=expected) as caught:
        read_antibodies(written(tmp_path, broken))
    assert "sample_RPPA_data.tsv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_older_panel_is_aligned_by_target_and_what_it_lacks_is_a_gap(tmp_path: Path) -> None:
    new = read_antibodies(written(tmp_path, TEXT))
    old = read_antibodies(
        written(tmp_path, HEADER + "AGID00999\t1\t\tOld\tAKT_pS473\t2\nAGID00500\t1\t\tOld\tP53\t-1\n", "old.tsv")
    )
    panel = panel_of([new, old])
    assert panel.targets == ["1433BETA", "1433EPSILON", "AKT_pS473", "P53"]
    assert panel.agids == ["AGID00100", "AGID00111", "AGID00101", "AGID00500"]
    assert panel.renamed == ["AKT_pS473"]
    np.testing.assert_array_equal(panel.aligned(old), np.array([np.nan, np.nan, 2, -1], np.float32))
    np.testing.assert_array_equal(panel.aligned(new), np.array([-0.0482, np.nan, 1.25, np.nan], np.float32))
