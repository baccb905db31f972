import dataclasses
import difflib
import json
from functools import partial

import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import write_json
from mgi.locks.item import Item
from mgi.locks.lock import as_json, batch_of, check_lock, read_lock
from mgi.modalities.flair.sources.tcia import TciaImages
from mgi.modalities.gdc.files import GdcFiles
from mgi.modalities.rna.sources.opening import STAR_COUNTS
from small_locks import flair_lock, rna_lock
from small_locks import profile as profile_of
from small_locks import series as series_of


def profile(n, **changes):
    return profile_of(f"TCGA-CS-{n:04}", **{"key": f"id-{n}", "size": 10, "md5": f"{n:032x}", **changes})


def series(n, **changes):
    return series_of(f"TCGA-CS-{n:04}", **{"key": f"1.2.{n}", "size": 10, "digest": None, **changes})


def images(*items):
    return flair_lock(*items, simulated=True, collection="TCGA-LGG")


def test_a_lock_survives_writing_and_reading(tmp_path):
    for lock in (rna_lock(profile(1)), images(series(1))):
        write_json(tmp_path / "lock.json", as_json(lock))
        assert read_lock(tmp_path / "lock.json") == lock
        assert read_lock(tmp_path / "lock.json", modality=lock.modality, source=lock.source) == lock


def test_the_order_of_discovery_does_not_show_in_the_lock():
    assert as_json(rna_lock(profile(1), profile(2))) == as_json(rna_lock(profile(2), profile(1)))


def test_what_says_nothing_is_absent_from_an_item(tmp_path):
    plain = as_json(images(series(1)))
    assert not {"sample", "digest", "md5", "holds"} & plain["items"][0].keys()
    said = images(series(1, digest="0" * 64, holds=("mask",)))
    write_json(tmp_path / "lock.json", as_json(said))
    assert read_lock(tmp_path / "lock.json", source="tcia") == said


def test_a_lock_of_another_source_is_refused(tmp_path):
    write_json(tmp_path / "lock.json", as_json(images(series(1))))
    with pytest.raises(ConfigError, match=r"lock\.json: .*'tcia'.*kaggle"):
        read_lock(tmp_path / "lock.json", source="kaggle")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plain: plain.pop("items"), r"lock\.items: missing"),
        (lambda plain: plain["items"][0].update(size="10"), r'items\[0\].size: found "10"'),
        (lambda plain: plain.update(modality="flair"), "modality: .*'flair'.*'rna'"),
        (lambda plain: plain.pop("modality"), "modality: .*None.*'rna'"),
        (lambda plain: plain.update(format=4), "format: .*4.*3"),
        (lambda plain: plain["items"][0].update(metadata=[1]), r"metadata: found \[1\]"),
        (lambda plain: plain["items"][0].update(metadata={"a": [1]}), r"metadata.a: found \[1\]"),
        (lambda plain: plain["items"][0].update(url="x"), r"items\[0\]\.url: unknown"),
        (lambda plain: plain.update(url="x"), r"lock\.url: unknown"),
    ],
)
def test_a_damaged_lock_is_named_by_file_and_field(tmp_path, change, said):
    plain = as_json(rna_lock(profile(1)))
    change(plain)
    (tmp_path / "lock.json").write_text(json.dumps(plain))
    with pytest.raises(BadInputError, match=rf"lock\.json: .*{said}"):
        read_lock(tmp_path / "lock.json", modality="rna", source="gdc")


@pytest.mark.parametrize(
    ("older", "name"),
    [
        ({"format": 1, "kind": "expression"}, "rna"),
        ({"format": 1, "kind": "images"}, "flair"),
        ({"format": 2, "modality": "flair"}, "flair"),
    ],
)
def test_a_lock_of_an_earlier_version_says_so_and_what_to_do(tmp_path, older, name):
    (tmp_path / "lock.json").write_text(json.dumps({**older, "source": "gdc", "items": []}))
    said = rf"format {older['format']}\b.* 0\.2\.0.*format 3\b.*--modality {name}"
    with pytest.raises(BadInputError, match=rf"lock\.json: .*{said}"):
        read_lock(tmp_path / "lock.json")


def checked(lock):
    """The lock after its own checks and those of its source."""
    files = GdcFiles(query=STAR_COUNTS, service=None, project="TCGA-LGG")
    checks = {"gdc": files.check_item, "tcia": partial(TciaImages.check_item, None)}
    check_lock(lock, checks[lock.source])


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (rna_lock(), "items: .* 0 .*chosen"),
        (rna_lock(profile(1, chosen=False, reason="recurrent sample")), r"items: .* 1 .*chosen .*\(recurrent sample\)"),
        (rna_lock(profile(1), profile(2, key="id-1")), "items: key id-1 .*twice"),
        (rna_lock(profile(1), profile(1, key="id-2")), "items: TCGA-CS-0001 .*two chosen"),
        (rna_lock(profile(1, md5="../../evil")), "md5 '../../evil'"),
        (rna_lock(profile(1, md5=None)), "md5 None"),
        (rna_lock(profile(1, size=-1)), "size -1"),
        (rna_lock(profile(1, key="../status")), r"key '\.\./status'"),
        (rna_lock(profile(1, sample=profile(2).sample)), "id-1: TCGA-CS-0002-01A-11R-A001-07, .*TCGA-CS-0001$"),
        (rna_lock(profile(1, reason="annotated: Redaction")), "id-1: .*reason 'annotated: Redaction'"),
        (
            rna_lock(profile(1, sample="TCGA-CS-0001-02A-01R-1470-07")),
            "id-1: TCGA-CS-0001-02A-01R-1470-07 .*reason 'primary tumour'",
        ),
        (rna_lock(profile(1, sample="TCGA-CS-0001-02A")), "TCGA-CS-0001-02A .*'by hand: '"),
        (
            rna_lock(profile(1, sample="TCGA-CS-0001-11A", reason="by hand:  ")),
            "TCGA-CS-0001-11A .*reason 'by hand:  '",
        ),
        (images(series(1, role="other")), "role 'other', n_images 20"),
        (images(series(1, n_images=0)), "role 'flair', n_images 0"),
        (images(series(1, key="../1.2")), r"key '\.\./1\.2'"),
        (images(series(1), series(1, key="1.9")), "items: TCGA-CS-0001 .*two chosen"),
    ],
)
def test_a_lock_that_a_fetch_could_not_follow_safely_is_refused(lock, said):
    with pytest.raises(BadInputError, match=said):
        checked(lock)


@pytest.mark.parametrize("label", ["TCGA-CS-0001-02A", "tcga_cs_0001_02A"])
def test_a_person_may_choose_a_recurrence_by_saying_why(label):
    checked(rna_lock(profile(1, sample=label, reason="by hand: the primary is degraded")))


def test_files_that_are_not_chosen_may_be_of_any_tissue():
    checked(rna_lock(profile(1), profile(1, key="id-2", sample="TCGA-CS-0001-02A", chosen=False, reason="x")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("[]", "found list"),
        ("{", ".*JSON"),
        ("[" * 100_000, ".*JSON"),
        ("9" * 5_000, ".*JSON"),
        ('{"kind": NaN}', ".*JSON"),
        ('{"kind": "\\ud800"}', ".*JSON"),
        ('{"source": "gdc", "source": "tcia"}', "source .*twice"),
        ('{"items": [{"size": 1, "size": 2}]}', "size .*twice"),
    ],
)
def test_what_is_no_lock_is_one_line_with_the_file(tmp_path, text, said):
    (tmp_path / "lock.json").write_text(text)
    with pytest.raises(BadInputError, match=rf"lock\.json: {said}"):
        read_lock(tmp_path / "lock.json")


@pytest.mark.parametrize("name", ["patient_id", "key", "size", "reason", "sample", "md5"])
def test_a_textual_diff_of_two_locks_shows_beside_each_change_whose_it_is(tmp_path, name):
    items: list[Item] = [profile(n, version="1", first_release="32.0") for n in range(1, 10)]
    texts = []
    for value in (getattr(items[4], name), "TCGA-CS-0005-other"):
        items[4] = dataclasses.replace(items[4], **{name: value})
        write_json(tmp_path / "lock.json", as_json(rna_lock(*items)))
        texts.append((tmp_path / "lock.json").read_text().splitlines())
    shown = list(difflib.unified_diff(*texts, lineterm="", n=3))  # as git shows it
    of_digests = ("check", "content_sha256")  # of the item beside the change, and of the whole lock
    changed = [line for line in shown[2:] if line[0] in "+-"]
    assert len([line for line in changed if line[1:].split('"')[1] not in of_digests]) == 2
    assert any("TCGA-CS-0005" in line for line in shown)


def test_several_masks_of_a_patient_are_fine():
    checked(images(series(1), series(1, key="1.8", role="mask"), series(1, key="1.9", role="mask")))


def test_batches_share_out_the_chosen_items_without_loss_or_overlap():
    items = tuple(profile(n, chosen=n % 3 != 0) for n in range(1, 20))
    chosen = [item for item in items if item.chosen]
    batches = [batch_of(rna_lock(*items[::-1]).chosen, f"{i}-of-4") for i in range(1, 5)]
    assert batches[1] == chosen[1::4]
    assert sorted((item for batch in batches for item in batch), key=lambda item: item.key) == sorted(
        chosen, key=lambda item: item.key
    )
    assert batch_of(items[:1], "4-of-4") == []


@pytest.mark.parametrize("batch", ["0-of-4", "5-of-4", "1of4", "", "1-of-0"])
def test_a_batch_is_i_of_n(batch):
    with pytest.raises(ConfigError, match=r"batch: .*I-of-N"):
        batch_of((), batch)
