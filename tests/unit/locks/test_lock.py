import dataclasses
import difflib
import json

import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import write_json
from mgi.locks.lock import (
    ExpressionItem,
    ExpressionLock,
    ImageItem,
    ImageLock,
    as_json,
    batch_of,
    check_lock,
    read_any_lock,
    read_lock,
)


def profile(n, **changes):
    base = ExpressionItem(
        patient_id=f"TCGA-CS-{n:04}",
        sample=f"TCGA-CS-{n:04}-01A",
        aliquot=f"TCGA-CS-{n:04}-01A-01R-1470-07",
        key=f"id-{n}",
        file_name="a.tsv",
        size=10,
        md5=f"{n:032x}",
        chosen=True,
        reason="primary tumour",
    )
    return dataclasses.replace(base, **changes)


def expression(*items, **changes):
    given = {"source": "gdc", "release": None, "simulated": False, "gene_model": None, "table": None, "items": items}
    return ExpressionLock(**{**given, **changes})


def series(n, **changes):
    base = ImageItem(
        patient_id=f"TCGA-CS-{n:04}",
        study_uid="1.2",
        study_date="1994-09-08",
        key=f"1.2.{n}",
        modality="MR",
        description="AXIAL FLAIR",
        n_images=20,
        size=10,
        role="flair",
        score=1.5,
        chosen=True,
        reason="best",
    )
    return dataclasses.replace(base, **changes)


def images(*items):
    return ImageLock(source="tcia", collection="TCGA-LGG", simulated=True, table=None, items=items)


def test_a_lock_survives_writing_and_reading(tmp_path):
    for lock, cls, source in ((expression(profile(1)), ExpressionLock, "gdc"), (images(series(1)), ImageLock, "tcia")):
        write_json(tmp_path / "lock.json", as_json(lock))
        assert read_lock(tmp_path / "lock.json", cls, source=source) == lock


def test_the_order_of_discovery_does_not_show_in_the_lock():
    assert as_json(expression(profile(1), profile(2))) == as_json(expression(profile(2), profile(1)))


def test_what_only_some_sources_say_is_absent_from_the_locks_of_others(tmp_path):
    plain = as_json(images(series(1)))
    assert "version" not in plain
    assert "digest" not in plain["items"][0]
    assert plain["table"] is None
    said = dataclasses.replace(images(series(1, digest="0" * 64)), version="v1")
    write_json(tmp_path / "lock.json", as_json(said))
    assert read_lock(tmp_path / "lock.json", ImageLock, source="tcia") == said


def test_a_lock_of_another_source_is_refused(tmp_path):
    write_json(tmp_path / "lock.json", as_json(images(series(1))))
    with pytest.raises(ConfigError, match=r"a lock of source 'tcia'.*source: kaggle"):
        read_lock(tmp_path / "lock.json", ImageLock, source="kaggle")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plain: plain.pop("items"), "lock.items: missing"),
        (lambda plain: plain["items"][0].update(size="10"), r"items\[0\].size: found '10'"),
        (lambda plain: plain.update(kind="images"), "kind: found 'images', expected 'expression'"),
        (lambda plain: plain.pop("kind"), "kind: found None, expected 'expression'"),
        (lambda plain: plain.update(format=2), "format: found 2, expected 1"),
        (lambda plain: plain["items"][0].update(url="x"), r"items\[0\].url: unknown key"),
        (lambda plain: plain.update(url="x"), "url: unknown key"),
    ],
)
def test_a_damaged_lock_is_named_by_file_and_field(tmp_path, change, said):
    plain = as_json(expression(profile(1)))
    change(plain)
    (tmp_path / "lock.json").write_text(json.dumps(plain))
    with pytest.raises(BadInputError, match=rf"lock\.json: .*{said}"):
        read_lock(tmp_path / "lock.json", ExpressionLock, source="gdc")


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (expression(), "none of 0 is chosen"),
        (expression(profile(1, chosen=False, reason="recurrent sample")), r"none of 1 is chosen \(recurrent sample\)"),
        (expression(profile(1), profile(2, key="id-1")), "key id-1 occurs twice"),
        (expression(profile(1), profile(1, key="id-2")), "TCGA-CS-0001 has two chosen items"),
        (expression(profile(1, md5="../../evil")), "md5 '../../evil'"),
        (expression(profile(1, md5=None)), "md5 None"),
        (expression(profile(1, size=-1)), "size -1"),
        (expression(profile(1, key="../status")), r"key '\.\./status'"),
        (expression(profile(1, aliquot=profile(2).aliquot)), "expected a barcode of TCGA-CS-0001"),
        (expression(profile(1, reason="annotated: Redaction")), "is chosen, reason 'annotated: Redaction'"),
        (expression(profile(1, aliquot="TCGA-CS-0001-02A-01R-1470-07")), "01R-1470-07 is chosen, reason 'primary"),
        (expression(profile(1, aliquot=None, sample="TCGA-CS-0001-02A")), "begins with 'by hand: '"),
        (expression(profile(1, sample="TCGA-CS-0001-11A", reason="by hand:  ")), "begins with 'by hand: '"),
        (images(series(1, role="other")), "role 'other', n_images 20"),
        (images(series(1, n_images=0)), "role 'flair', n_images 0"),
        (images(series(1, key="../1.2")), r"key '\.\./1\.2'"),
        (images(series(1), series(1, key="1.9")), "two chosen items"),
    ],
)
def test_a_lock_that_a_fetch_could_not_follow_safely_is_refused(lock, said):
    with pytest.raises(BadInputError, match=said):
        check_lock(lock)


@pytest.mark.parametrize("label", ["TCGA-CS-0001-02A", "tcga_cs_0001_02A"])
def test_a_person_may_choose_a_recurrence_by_saying_why(label):
    check_lock(expression(profile(1, sample=label, reason="by hand: the primary is degraded")))


def test_files_that_are_not_chosen_may_be_of_any_tissue():
    check_lock(expression(profile(1), profile(1, key="id-2", sample="TCGA-CS-0001-02A", chosen=False, reason="x")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty, expected a lock"),
        (" \n", "empty, expected a lock"),
        ("[]", "found list, expected a lock"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("9" * 5_000, "not JSON"),
        ('{"kind": NaN}', "not JSON"),
        ('{"kind": "\\ud800"}', "not JSON"),
        ('{"kind": "expression", "kind": "images"}', "kind is written twice in one block"),
        ('{"items": [{"size": 1, "size": 2}]}', "size is written twice in one block"),
    ],
)
def test_what_is_no_lock_is_one_line_with_the_file(tmp_path, text, said):
    (tmp_path / "lock.json").write_text(text)
    for read in (read_any_lock, lambda path: read_lock(path, ExpressionLock)):
        with pytest.raises(BadInputError, match=rf"lock\.json: {said}"):
            read(tmp_path / "lock.json")


def test_the_kind_of_a_lock_is_found_out(tmp_path):
    for lock in (expression(profile(1)), images(series(1))):
        write_json(tmp_path / "lock.json", as_json(lock))
        assert read_any_lock(tmp_path / "lock.json") == lock


def test_a_lock_from_before_versions_were_recorded_is_still_read(tmp_path):
    plain = as_json(expression(profile(1)))
    del plain["items"][0]["version"], plain["items"][0]["first_release"]
    write_json(tmp_path / "lock.json", plain)
    assert read_lock(tmp_path / "lock.json", ExpressionLock) == expression(profile(1))


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(ExpressionItem)])
def test_a_textual_diff_of_two_locks_shows_beside_each_change_whose_it_is(tmp_path, name):
    items = [profile(n, version="1", first_release="32.0") for n in range(1, 10)]
    texts = []
    for value in (getattr(items[4], name), "TCGA-CS-0005-other"):
        items[4] = dataclasses.replace(items[4], **{name: value})
        write_json(tmp_path / "lock.json", as_json(expression(*items)))
        texts.append((tmp_path / "lock.json").read_text().splitlines())
    shown = list(difflib.unified_diff(*texts, lineterm="", n=3))  # as git shows it
    assert len([line for line in shown[2:] if line[0] in "+-"]) == 2
    assert any("TCGA-CS-0005" in line for line in shown)


def test_several_masks_of_a_patient_are_fine():
    check_lock(images(series(1), series(1, key="1.8", role="mask"), series(1, key="1.9", role="mask")))


def test_batches_share_out_the_chosen_items_without_loss_or_overlap():
    items = tuple(profile(n, chosen=n % 3 != 0) for n in range(1, 20))
    chosen = [item for item in items if item.chosen]
    batches = [batch_of(items[::-1], f"{i}-of-4") for i in range(1, 5)]
    assert batches[1] == chosen[1::4]
    assert sorted((item for batch in batches for item in batch), key=lambda item: item.key) == sorted(
        chosen, key=lambda item: item.key
    )
    assert batch_of(items[:1], "4-of-4") == []


@pytest.mark.parametrize("batch", ["0-of-4", "5-of-4", "1of4", "", "1-of-0"])
def test_a_batch_is_i_of_n(batch):
    with pytest.raises(ConfigError, match="expected I-of-N"):
        batch_of((), batch)
