from pathlib import Path

import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.methylation.positions import Place, read_probe_positions


def test_places_are_read_under_illumina_s_names_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("IlmnID,Genome_Build,CHR,MAPINFO\ncg1,37,X,5\ncg2,37,,\ncg3,37,1,\n")
    assert read_probe_positions(tmp_path / "a.csv") == {"cg1": Place("X", 5), "cg3": Place("1", None)}
    pd.DataFrame({"probe": ["cg1"], "chromosome": ["chrY"], "start": ["7"]}).to_parquet(tmp_path / "b.parquet")
    assert read_probe_positions(tmp_path / "b.parquet") == {"cg1": Place("chrY", 7)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("probe\tchromosome\ncg1\t1\n", "column start: missing, expected probe, chromosome, start"),
        ("probe\tchromosome\tstart\ncg1\t1\t5\ncg1\t1\t6\n", "probe cg1: found at two places"),
        ("probe\tchromosome\tstart\ncg1\t1\t-5\n", "start of cg1: found '-5', expected a whole number"),
    ],
)
def test_a_table_that_does_not_place_probes_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(text)
    with pytest.raises(BadInputError, match=says):
        read_probe_positions(path)
