"""Inputs that once left a reader as something else than an error of the project, or left it not at all."""

import gzip
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fuzz.texts import Answers
from mgi.core.errors import BadInputError, ConfigError, IntegrityError, NetworkError
from mgi.core.files import read_json, write_json
from mgi.http.gdc_search import all_hits
from mgi.locks.raw_index import read_raw_indexes
from mgi.modalities.flair.buda import flair_of
from mgi.modalities.flair.sources.kaggle import KaggleImages
from mgi.modalities.flair.sources.tcia_listing import read_series
from mgi.modalities.flair.sources.user_lists import PatientNames
from mgi.modalities.gdc.listing import file_row, files_query, optional_fields
from mgi.modalities.rna.matrix import read_labelled_matrix
from mgi.modalities.rna.normalise import fit, read_fitted_genes, write_fitted_genes
from mgi.modalities.rna.positions import read_positions
from mgi.modalities.rna.settings import FitSettings
from mgi.modalities.rna.sources.opening import STAR_COUNTS
from mgi.shards.dataset_manifest import read_dataset
from mgi.shards.parquet import metadata_of, write_table

DEEP = "[" * 100_000


def hits_of(value: Any) -> list[Any]:
    service: Any = Answers(json.dumps(value).encode())
    return list(
        all_hits(
            service,
            "files",
            files_query("TCGA-LGG", STAR_COUNTS),
            id_field="file_id",
            optional=optional_fields(STAR_COUNTS),
        )
    )


def page(hits: Any, total: Any) -> dict[str, Any]:
    return {"data": {"hits": hits, "pagination": {"total": total}}}


def test_a_page_that_repeats_for_ever_ends_at_its_second_time() -> None:
    with pytest.raises(IntegrityError, match=r"GDC files: 1 .*2 .*10{9}"):
        hits_of(page([{"file_id": "a"}], 10**9))


@pytest.mark.parametrize("hits", [["a"], {"a": 1}, "ab", None, [None]])
def test_hits_that_are_no_objects_are_refused(hits: Any) -> None:
    with pytest.raises(NetworkError, match=r"data\.hits"):
        hits_of(page(hits, 1))


@pytest.mark.parametrize("total", ["many", None, [1], {"value": 1}])
def test_a_total_that_is_no_number_is_refused(total: Any) -> None:
    with pytest.raises(NetworkError, match=r"GDC files: .*pagination"):
        hits_of(page([], total))


def test_a_total_without_end_is_no_json() -> None:
    with pytest.raises(NetworkError, match="not JSON"):
        hits_of(page([], float("inf")))


def test_a_hit_without_its_id_is_still_one_hit() -> None:
    assert hits_of(page([{"x": 1}], 1)) == [{"x": 1}]


@pytest.mark.parametrize("size", [float("inf"), None, [], "x"])
def test_a_file_size_that_is_no_number_is_named(size: Any) -> None:
    aliquot = {"submitter_id": "TCGA-CS-4942-01A-11R-1470-07"}
    sample = {"submitter_id": "TCGA-CS-4942-01A", "portions": [{"analytes": [{"aliquots": [aliquot]}]}]}
    hit = {"file_id": "f", "file_name": "n", "file_size": size, "md5sum": "m", "access": "open"}
    case = {"submitter_id": "TCGA-CS-4942", "samples": [sample]}
    with pytest.raises(BadInputError, match="GDC file f"):
        file_row(hit | {"cases": [case]}, [], STAR_COUNTS)
    with pytest.raises(BadInputError, match=r"TCGA-CS-4942'.*patient id"):
        file_row(hit | {"file_size": 1, "cases": [case | {"submitter_id": ["TCGA-CS-4942"]}]}, [], STAR_COUNTS)


@pytest.mark.parametrize("count", [[1], {"a": 1}, float("inf"), "many"])
def test_a_count_of_images_that_is_no_number_is_named(count: Any) -> None:
    row = {"PatientID": "TCGA-CS-4942", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}
    with pytest.raises(BadInputError, match=r"NBIA series 1\.2\.3"):
        read_series(row | {"ImageCount": count}, PatientNames())


def test_json_that_is_too_deep_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(DEEP)
    with pytest.raises(BadInputError, match=r"x\.json: .*JSON"):
        read_json(tmp_path / "x.json")
    with pytest.raises(ConfigError, match=r"^genes: .*JSON"):
        FitSettings.read(DEEP, where="genes")


@pytest.mark.parametrize(("field", "value"), [("path", 3), ("key", ["a"]), ("sha256", 7), ("patient_id", {})])
def test_an_index_of_other_types_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    entry = {"patient_id": "TCGA-CS-4942", "key": "k", "role": "rna", "path": "p", "size": 1, "sha256": "s"}
    entry |= {field: value}
    write_json(tmp_path / "i.json", {"modality": "rna", "format": 3, "source": "gdc", "items": [entry]})
    with pytest.raises(BadInputError, match=rf"items\[0\]\.{field}: found .*, expected string"):
        read_raw_indexes([tmp_path / "i.json"], "rna")


@pytest.mark.parametrize("described", [None, 3, "x", []])
def test_a_shard_whose_file_is_not_described_is_refused(tmp_path: Path, described: Any) -> None:
    write_json(tmp_path / "dataset.json", {"kind": "volumes", "files": {"slices.parquet": described}})
    with pytest.raises(BadInputError, match=r"slices\.parquet: .*rows, size and sha256"):
        read_dataset(tmp_path, "volumes")


def test_a_packed_table_with_broken_bits_is_named(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"gene_id\tchromosome\tstart\n" + b"A\tchr1\t1\n" * 50, mtime=0))
    packed[12:16] = b"\xff" * 4
    (tmp_path / "p.tsv.gz").write_bytes(packed)
    with pytest.raises(BadInputError, match=r"p\.tsv\.gz: .*table"):
        read_positions(tmp_path / "p.tsv.gz")


@pytest.mark.parametrize("metadata", [b"{", b'{"index_columns": ["nowhere"]}', b'{"columns": 3}'])
def test_a_parquet_table_with_broken_metadata_of_pandas_is_named(tmp_path: Path, metadata: bytes) -> None:
    table = pa.table({"x": [1.0]}).replace_schema_metadata({b"pandas": metadata})
    pq.write_table(table, tmp_path / "m.parquet")
    with pytest.raises(BadInputError, match=r"m\.parquet: .*(Parquet|no rows)"):
        read_labelled_matrix(tmp_path / "m.parquet")


def test_a_picture_that_claims_too_many_pixels_is_named(tmp_path: Path) -> None:
    folder = "TCGA_CS_4941_19960909"
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, "TIFF")
    wide = bytearray(buffer.getvalue())
    for tag in (256, 257):  # width and height, each as one LONG
        entry = wide.index(struct.pack("<HHI", tag, 4, 1))
        struct.pack_into("<I", wide, entry + 8, 20_000)
    with pytest.raises(BadInputError, match=r"1\.tif: .*TIFF"):
        flair_of(bytes(wide), "1.tif")
    with zipfile.ZipFile(tmp_path / "k.zip", "w") as archive:
        for name in (f"{folder}_1.tif", f"{folder}_1_mask.tif"):
            archive.writestr(f"kaggle_3m/{folder}/{name}", wide)
    source = KaggleImages(archive=tmp_path / "k.zip")
    (item,) = source.lock(source.discover()).items
    assert "not readable as TIFF" in str(source.fetch(item, tmp_path).rejected)


def test_metadata_that_is_no_text_is_named() -> None:
    with pytest.raises(IntegrityError, match=r"x\.parquet: .*metadata"):
        metadata_of(pa.schema([]).with_metadata({b"unit": b"\xff\xfe"}), "x.parquet", ["unit"])


@pytest.mark.parametrize("name", ["train_hash", "n_train"])
def test_what_is_said_about_fitted_genes_is_guarded(tmp_path: Path, name: str) -> None:
    genes = pd.DataFrame(
        {"gene_index": [0, 1], "gene_id": ["A", "B"], "gene_name": ["a", "b"], "gene_type": [None, None]}
    )
    values = np.array([[1, 2], [3, 5]], np.float32)
    path = tmp_path / "genes.parquet"
    write_fitted_genes(path, fit(values, genes, FitSettings(), ["TCGA-CS-4942", "TCGA-CS-4943"], unit="as given"))
    assert read_fitted_genes(path).n_train == 2
    table = pq.read_table(path)
    changed = {**table.schema.metadata, name.encode(): b"3"}
    write_table(path, table.replace_schema_metadata(changed))
    with pytest.raises(IntegrityError, match=r"genes\.parquet: .*metadata"):
        read_fitted_genes(path)
