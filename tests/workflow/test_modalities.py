"""What the graph of jobs asks of a modality's section."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lib.modalities import (
    Configured,
    beside_options,
    features_beside,
    fitted_files,
    is_fitted,
    oracle_code,
    oracle_shards,
    part_options,
    sample_lock,
)
from mgi.core.parts import part_of
from mgi.modalities.registry import modality
from mgi.modalities.slides.settings import SlidesSettings


def configured(name: str, **section: Any) -> Configured:
    return Configured(kind=modality(name), section=section)


def test_only_the_chosen_source_asks_for_the_users_file() -> None:
    assert configured("rna", source="gdc", table="t").own_path is None
    assert configured("rna", source="matrix", table="t").own_path == "t"
    places = {"kaggle": "z", "nifti": "f", "dicom": "f", "tcia": None}
    for source, place in places.items():
        assert configured("flair", source=source, archive="z", folder="f").own_path == place


def test_a_table_of_the_users_is_one_batch_and_files_are_shared_out() -> None:
    for source, count in {"matrix": 1, "gdc": 3}.items():
        indexes = configured("rna", source=source, table="t", batches=3).indexes
        assert [Path(path).name for path in indexes] == [f"batch-{n + 1}-of-{count}.json" for n in range(count)]


def test_lists_and_a_committed_lock_are_inputs_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "my.tcia").touch()
    (tmp_path / "lock.json").touch()
    named = {"manifest": str(tmp_path / "my.tcia"), "patients": str(tmp_path / "none.tsv")}
    one = configured("flair", source="tcia", lock=str(tmp_path / "lock.json"), **named)
    assert one.given_files == [named["manifest"], str(tmp_path / "lock.json")]
    assert configured("flair", source="tcia", manifest=None, patients=None, lock=None).given_files == []


@pytest.mark.parametrize(
    ("order", "positions", "expected"),
    [
        ("ensembl", None, {}),
        ("position", None, {"positions": "<results>/tables/gene_positions.tsv"}),
        ("position", "mine.tsv", {"positions": "mine.tsv"}),
        ("random", "mine.tsv", {"positions": "mine.tsv"}),
    ],
)
def test_positions_are_made_only_where_the_order_asks_and_the_user_has_none(
    order: str, positions: str | None, expected: dict[str, str]
) -> None:
    one = configured("rna", source="gdc", fit={"gene_order": order, "positions": positions})
    assert one.shard_inputs == expected
    options = ["--input", *(f"{name}={path}" for name, path in expected.items())] if expected else []
    assert one.shard_options(list(expected.values())) == options


def test_what_only_paces_or_stores_is_asked_of_no_archive() -> None:
    one = configured("rna", source="gdc", project="p", unit="tpm", batches=2, threads=3, fit={})
    assert one.asked == '{"project": "p", "source": "gdc"}'
    assert one.fetched == '{"project": "p", "source": "gdc", "threads": 3}'
    assert one.stored == '{"unit": "tpm"}'
    assert one.indexes == [f"<local_results>/raw/rna/batch-{n}-of-2.json" for n in (1, 2)]


UNI = {"encoder": "timm:vit_large_patch16_224", "weights": "w.safetensors", "weights_sha256": "0" * 64}


@pytest.mark.parametrize(
    ("given", "reads_them"),
    [
        ({"source": "folder", "folder": "f", "weights_of": "uni_v1", **UNI}, False),
        ({"source": "gdc", "weights_of": "uni_v1", **UNI}, False),
        ({"source": "gdc", "keep": False, "weights_of": "uni_v1", **UNI}, True),
        ({"source": "precomputed", "folder": "f", "weights_of": "uni_v1"}, True),
    ],
)
def test_a_fetch_knows_the_encoder_only_where_it_makes_or_checks_vectors(
    given: dict[str, Any], reads_them: bool
) -> None:
    whole = SlidesSettings.read(given)
    one = configured("slides", **whole.plain())
    # What a job is given is a section that can be read; a shard knows the source by its lock.
    texts = (one.asked, one.fetched, one.stored)
    asked, fetched, stored = (SlidesSettings.read({"source": whole.source, **json.loads(text)}) for text in texts)
    assert (asked.weights_of, stored.weights_of) == (None, "uni_v1")
    assert (fetched.weights_of == "uni_v1") == reads_them
    assert (fetched.encoder == whole.encoder) == (reads_them or whole.encoder == "handmade")


def test_labels_that_are_ignored_reach_the_source_and_the_shard() -> None:
    one = configured("rna", source="matrix", table="t", unit="tpm", ignore=["age"], fit={})
    assert '"ignore": ["age"]' in one.asked
    assert '"ignore": ["age"]' in one.stored


def test_images_are_written_in_as_many_parts_as_there_are_batches() -> None:
    one = configured("flair", source="tcia", batches=2)
    folder = "<results>/shards/flair"
    assert one.shard == [f"{folder}/{name}" for name in ("part-1-of-2.parquet", "part-2-of-2.parquet", "dataset.json")]
    assert one.part_records == [f"{folder}/part-1-of-2.json", f"{folder}/part-2-of-2.json"]
    bags = configured("slides", source="gdc", batches=2)
    names = [path.rpartition("/")[2] for path in (*bags.shard, *bags.part_files)]
    tiles = ["part-1-of-2.parquet", "part-2-of-2.parquet"]
    assert names[:4] == [*tiles, "slides.parquet", "dataset.json"]
    assert sorted(names[4:]) == sorted([*tiles, "part-1-of-2.png", "part-2-of-2.png"])
    table = configured("rna", source="gdc", batches=2)
    assert [path.rpartition("/")[2] for path in table.shard] == ["values.parquet", "features.parquet", "dataset.json"]


def test_a_part_job_is_told_of_those_excluded_who_are_of_its_part() -> None:
    """By their ids as the cohort has them, in one order: the config may name an aliquot, and sort its list anew."""
    excluded = ["TCGA-CS-4941", "mine", "TCGA-DU-0001-01A", "TCGA-DU-0001"]
    parts = {name: part_of(name, 4) for name in ("TCGA-CS-4941", "mine", "TCGA-DU-0001")}
    assert parts == {"TCGA-CS-4941": "2-of-4", "mine": "2-of-4", "TCGA-DU-0001": "1-of-4"}
    for given in (excluded, excluded[::-1]):
        assert part_options(given, {"part": "2-of-4"}) == ["--part", "2-of-4", "--exclude", "TCGA-CS-4941", "mine"]
        assert part_options(given, {"part": "1-of-4"}) == ["--part", "1-of-4", "--exclude", "TCGA-DU-0001"]
    assert part_options(excluded, {"part": "3-of-4"}) == ["--part", "3-of-4"]
    assert part_options(excluded, {"modality": "rna"}) == []


ALL = {
    name: configured(name, source="gdc", batches=1, fit={})
    for name in ("rna", "flair", "cn", "mutation")
}  # fmt: skip


def test_a_modality_waits_for_the_lock_whose_samples_it_prefers_where_there_is_one() -> None:
    assert sample_lock(ALL, SimpleNamespace(modality="cn")) == ["<results>/locks/rna.json"]
    assert sample_lock(ALL, SimpleNamespace(modality="rna")) == []
    assert sample_lock({"cn": ALL["cn"]}, SimpleNamespace(modality="cn")) == []


def test_what_is_fitted_and_what_it_reads_beside_follows_from_the_rooms() -> None:
    assert fitted_files(ALL, [0, 2]) == [
        f"<results>/folds/{fold}/{name}.parquet" for fold in (0, 2) for name in ("cn", "mutation")
    ]
    assert is_fitted(ALL) == "cn|mutation"
    assert is_fitted({"rna": ALL["rna"]}) == "(?!)"
    beside = features_beside(ALL, SimpleNamespace(modality="cn"))
    assert beside_options(beside) == ["--beside", "rna=<results>/shards/rna/features.parquet"]
    assert features_beside({"cn": ALL["cn"]}, SimpleNamespace(modality="cn")) == []
    assert beside_options([]) == []


def test_labels_read_the_shards_that_their_oracles_name() -> None:
    assert oracle_shards(ALL, ["idh", "tp53"]) == ALL["mutation"].shard
    assert oracle_shards(ALL, ["codel", "idh"]) == [*ALL["cn"].shard, *ALL["mutation"].shard]
    assert "mgi.modalities.cn.oracles" in oracle_code(ALL, ["codel"])
    assert oracle_shards(ALL, []) == oracle_code(ALL, []) == []
