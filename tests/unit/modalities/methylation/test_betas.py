from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.methylation.betas import read_betas, require_same_probes

TEXT = "cg00000029\t0.467254\ncg00000108\tNA\nch.1.1234F\t0\nrs10796216\t1\nctl_1\t0.000123456789012345\n"


def written(folder: Path, text: str | bytes, name: str = "sample.level3betas.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_probes_and_betas_are_read_and_masked_ones_are_gaps(tmp_path: Path) -> None:
    read = read_betas(written(tmp_path, TEXT))
    assert read.probes.to_pylist() == ["cg00000029", "cg00000108", "ch.1.1234F", "rs10796216", "ctl_1"]
    np.testing.assert_array_equal(read.values, np.array([0.467254, np.nan, 0, 1, 0.000123456789012345], np.float32))


def test_a_file_reads_as_pandas_reads_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    betas = np.where(rng.random(5000) < 0.1, np.nan, rng.beta(0.5, 0.5, 5000))
    lines = (f"cg{n:08d}\t{'NA' if np.isnan(beta) else repr(float(beta))}\n" for n, beta in enumerate(betas))
    path = written(tmp_path, "".join(lines))
    peer = pd.read_csv(path, sep="\t", header=None)
    read = read_betas(path)
    assert read.probes.to_pylist() == peer[0].tolist()
    np.testing.assert_array_equal(read.values, peer[1].to_numpy(np.float32))


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


BROKEN: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "empty": (lambda text: "", r"an empty file \(0 bytes\), expected"),
    "byte order mark": (lambda text: "\ufeff" + text, "byte order mark"),
    "NUL byte": (swap("\t0.46", "\t0.4\x006"), "byte 14: found a NUL"),
    "carriage returns": (lambda text: text.replace("\n", "\r\n"), "carriage return"),
    "a header": (
        lambda text: "Composite Element REF\tBeta_value\n" + text,
        "line 1: found 'Composite Element REF Beta",
    ),
    "cut in a line": (lambda text: text[:-4], "the last line is cut"),
    "a beta above 1": (swap("0.467254", "1.0000001"), r"line 1: beta of cg00000029: found 1\.0000001, .* from 0 to 1"),
    "a negative beta": (swap("\t1\n", "\t-0.1\n"), r"line 4: beta of rs10796216: found -0\.1, .* from 0 to 1"),
    "an M-value": (swap("0.467254", "-3.2"), "expected a number from 0 to 1"),
    "an infinite beta": (swap("0.467254", "inf"), "line 1: beta of cg00000029: found inf"),
    "another word for missing": (swap("\t0\n", "\tnan\n"), "line 3: beta of ch.1.1234F: found nan"),
    "a word": (swap("\t0\n", "\tN/A\n"), "line 3: beta: invalid value 'N/A'"),
    "an empty beta": (swap("\t0\n", "\t\n"), "line 3: beta: invalid value ''"),
    "a decimal comma": (swap("\t0\n", "\t0,5\n"), "line 3: beta: invalid value '0,5'"),
    "no beta": (swap("\t0\n", "\n"), "line 3: Expected 2 columns, got 1"),
    "one column more": (swap("\t0\n", "\t0\t1\n"), "line 3: Expected 2 columns, got 3"),
    "an empty line": (swap("cg00000108", "\ncg00000108"), "line 2"),
    "a blank before a number": (swap("\t0\n", "\t 0\n"), "line 3: found a blank"),
    "a blank after a number": (swap("\t1\n", "\t1 \n"), "line 4: found a blank"),
    "a probe twice": (swap("cg00000108", "cg00000029"), "line 2: probe cg00000029: found twice"),
    "glued to itself": (lambda text: text + text, "line 6: probe cg00000029: found twice"),
    "a nameless probe": (swap("cg00000108", ""), "line 2: probe ''"),
    "an odd probe": (swap("cg00000108", "cg 0108"), "line 2: probe 'cg 0108'"),
    "a probe that is no text": (lambda text: text.encode().replace(b"108", b"\xff08"), "line 2: probe: invalid UTF8"),
    "nothing measured": (lambda text: "cg1\tNA\ncg2\tNA\n", "all 2 are NA"),
}


@pytest.mark.parametrize("after", [False, True], ids=["alone", "after a good file"])
@pytest.mark.parametrize("fault", BROKEN)
def test_a_file_that_the_archive_cannot_have_written_is_refused_by_name(
    tmp_path: Path, fault: str, after: bool
) -> None:
    change, expected = BROKEN[fault]
    like = read_betas(written(tmp_path, TEXT)) if after else None
    with pytest.raises(BadInputError, match=expected) as caught:
        read_betas(written(tmp_path, change(TEXT)), like=like)
    assert "sample.level3betas.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def refusal(path: Path, like: object) -> str | None:
    try:
        read_betas(path, like=like)  # type: ignore[arg-type]
    except BadInputError as error:
        return str(error)
    return None


def test_only_named_errors_leave_the_reader_and_a_known_list_refuses_the_same(tmp_path: Path) -> None:
    good = read_betas(written(tmp_path, TEXT))
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(600):
        data = bytearray(TEXT.encode())
        data[rng.integers(len(data))] = rng.integers(256)
        path = written(tmp_path, bytes(data))
        alone = refusal(path, None)
        assert refusal(path, good) == alone
        refused += alone is not None
    assert refused > 150


def test_another_array_is_refused_by_its_number_of_probes(tmp_path: Path) -> None:
    first = read_betas(written(tmp_path, TEXT))
    other = read_betas(path := written(tmp_path, "cg00000029\t0.1\n", "small.txt"))
    with pytest.raises(BadInputError, match=r"small\.txt: 1 probes, expected 5 as in the other files"):
        require_same_probes(first, other, path)


def test_another_probe_is_refused_by_name(tmp_path: Path) -> None:
    first = read_betas(written(tmp_path, TEXT))
    other = read_betas(path := written(tmp_path, TEXT.replace("ctl_1", "ctl_2"), "b.txt"), like=first)
    with pytest.raises(BadInputError, match=r"b\.txt: probe 5 is ctl_2, expected ctl_1 as in the other files"):
        require_same_probes(first, other, path)
    require_same_probes(first, read_betas(written(tmp_path, TEXT), like=first), path)
