import hashlib
import io
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import write_json
from mgi.locks.lock import as_json, read_lock
from mgi.locks.source import NobodyKeptError
from mgi.modalities.flair.sequence import item_of
from mgi.modalities.flair.sources import dicom_folder, dicom_series, nifti
from mgi.modalities.flair.sources.dicom_folder import DicomImages
from mgi.modalities.flair.sources.user_lists import PatientNames, SeriesManifest, read_commons_manifest

CS, DU = "TCGA-CS-4941", "TCGA-DU-5849"


def by_name(rivals, *, min_images=15):
    """FLAIR by its name in the first study, segmentations of that study."""
    flair = next((one for one in rivals if "FLAIR" in one.description), None)
    return [
        item_of(
            one,
            "mask" if one.modality == "SEG" else "flair" if one is flair else "other",
            "by name",
            score=float(one is flair),
            chosen=flair is not None and (one is flair or (one.modality == "SEG" and one.study_uid == flair.study_uid)),
        )
        for one in rivals
    ]


def count_slices(path):
    if path.read_bytes() == b"broken":
        raise BadInputError(f"{path.name}: shape is flat")
    return 3


@pytest.fixture(autouse=True)
def by_simple_rules(monkeypatch):
    monkeypatch.setattr(dicom_series, "choose_flair", by_name)
    monkeypatch.setattr(dicom_folder, "confirm_flair", lambda tags: None)
    monkeypatch.setattr(nifti, "count_slices", count_slices)


@pytest.fixture
def series(dicom_slice):
    """Bytes of a series' files: `n` slices of series 1.2.`number` of a patient."""

    def make(patient, number, description="AX FLAIR", n=3, **changes):
        return [
            dicom_slice(
                f"1.2.{number}.{k}",
                PatientID=patient,
                SeriesInstanceUID=f"1.2.{number}",
                StudyInstanceUID="1.9." + "".join(filter(str.isdigit, patient)),
                StudyDate="19960909",
                SeriesDescription=description,
                **changes,
            )
            for k in range(n)
        ]

    return make


@pytest.fixture
def folder(tmp_path, series, seg_file):
    """A FLAIR without extensions at two depths, a T1, a segmentation, and what is no image."""
    root = tmp_path / "mine"
    files = {f"a/b/{k}": content for k, content in enumerate(series(CS, 1))}
    files |= {f"t1-{k}.dcm": content for k, content in enumerate(series(CS, 2, "AX T1"))}
    frames = np.zeros((2, 4, 4), np.uint8)
    frames[0, 1, 1] = 1
    study = {
        "PatientID": CS,
        "StudyInstanceUID": "1.9.4941",
        "StudyDate": "19960909",
        "SeriesDescription": "Segmentation",
    }
    tags = {"SOPInstanceUID": "1.2.3.0", "SeriesInstanceUID": "1.2.3", **study}
    files |= {"seg/1.dcm": seg_file(frames, [(0, 0, 0), (0, 0, 5)], tags=tags)}
    files |= {"LICENSE": b"free", "a/notes.txt": b"x" * 500}
    return write(root, files)


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def source_at(folder, **changes):
    return DicomImages(folder=folder, **changes)


def chosen(folder, **changes):
    source = source_at(folder, **changes)
    return {item.key: item.reason for item in source.lock(source.discover()).items if item.chosen}


def test_series_are_grouped_by_their_headers_whatever_the_files_are_called(folder):
    source = source_at(folder)
    listing = source.discover()
    lock = source.lock(listing)
    assert [
        (item.key, item.role, item.number("n_images"), item.chosen, item.text("study_date")) for item in lock.items
    ] == [
        ("1.2.1", "flair", 3, True, "1996-09-09"),
        ("1.2.2", "other", 3, False, "1996-09-09"),
        ("1.2.3", "mask", 1, True, "1996-09-09"),
    ]
    assert [item.patient_id for item in lock.items] == [CS] * 3
    assert listing.notes == ("2 files are neither DICOM images nor labels of a patient here: LICENSE, a/notes.txt",)
    assert source.probe() == "1 patients, 3 series in mine; no account needed"


def test_a_series_is_read_in_place_and_every_file_pinned(folder, tmp_path):
    source = source_at(folder)
    lock = source.lock(source.discover())
    path = tmp_path / "lock.json"
    write_json(path, as_json(lock))
    assert read_lock(path, source="dicom", check_item=source.check_item) == lock
    source.check_lock(lock)
    item = lock.items[0]
    entry = source.fetch(item, tmp_path / "raw")
    expected = [(f"a/b/{k}", hashlib.sha256((folder / f"a/b/{k}").read_bytes()).hexdigest()) for k in range(3)]
    assert entry.members == tuple(expected)
    assert (entry.path, entry.sha256, entry.metadata["n_images"], entry.rejected) == (None, item.digest, 3, None)
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize("harm", ["changed", "added", "taken", "gone"])
def test_a_folder_that_is_not_the_locked_one_is_refused(folder, series, tmp_path, harm):
    source = source_at(folder)
    item = source.lock(source.discover()).items[0]
    if harm == "changed":
        content = (folder / "a/b/1").read_bytes()
        (folder / "a/b/1").write_bytes(content[:-1] + b"\x07")
    elif harm == "added":
        (folder / "new").write_bytes(series(CS, 1, n=4)[3])
    elif harm == "taken":
        (folder / "a/b/1").unlink()
    else:
        for k in range(3):
            (folder / f"a/b/{k}").unlink()
    with pytest.raises(IntegrityError, match=r"/mine: 1\.2\.1: .*lock"):
        source_at(folder).fetch(item, tmp_path)


def test_a_slice_that_does_not_decode_or_tags_that_contradict_reject_the_series(folder, tmp_path, monkeypatch):
    content = (folder / "a/b/1").read_bytes()
    (folder / "a/b/1").write_bytes(content[:-5])
    source = source_at(folder)
    item = source.lock(source.discover()).items[0]
    assert source.fetch(item, tmp_path).rejected == "a/b/1: PixelData: 27 bytes, expected 32"
    (folder / "a/b/1").write_bytes(content)
    monkeypatch.setattr(dicom_folder, "confirm_flair", lambda tags: f"TI {tags['InversionTime']:g}")
    strict = source_at(folder)
    flair, _, mask = strict.lock(strict.discover()).items
    assert strict.fetch(flair, tmp_path).rejected == "TI 2200"
    assert strict.fetch(mask, tmp_path).rejected is None


def test_a_label_file_of_the_series_comes_before_one_of_the_patient_and_before_segmentations(folder, tmp_path):
    write(folder, {f"labels/{CS}_mask.nii.gz": b"p"})
    assert chosen(folder) == {"1.2.1": "by name", f"labels/{CS}_mask.nii.gz": "label of 1.2.1"}
    strangers = {"1.2.7.nii.gz": b"u", "other.nii.gz": b"v", f"{DU}_mask.nii.gz": b"w"}
    write(folder, {"1.2.1.nii.gz": b"s", "1.2.2.nii": b"t", **strangers})
    source = source_at(folder)
    listing = source.discover()
    reasons = {item.key: (item.role, item.chosen, item.reason) for item in source.lock(listing).items}
    assert reasons == {
        "1.2.1": ("flair", True, "by name"),
        "1.2.2": ("other", False, "by name"),
        "1.2.3": ("mask", False, "label file preferred"),
        "1.2.1.nii.gz": ("mask", True, "label of 1.2.1"),
        "1.2.2.nii": ("mask", False, "label of another series, 1.2.2"),
        f"labels/{CS}_mask.nii.gz": ("mask", False, "1.2.1.nii.gz preferred"),
    }
    assert all(name in listing.notes[0] for name in strangers)
    (item,) = (item for item in source.lock(listing).items if item.key == "1.2.1.nii.gz")
    entry = source.fetch(item, tmp_path)
    assert (entry.metadata["n_images"], entry.members) == (3, (("1.2.1.nii.gz", hashlib.sha256(b"s").hexdigest()),))
    write(folder, {"1.2.1.nii.gz": b"broken"})
    again = source_at(folder)
    refused = {item.key: (item.chosen, item.reason) for item in again.lock(again.discover()).items}
    assert refused["1.2.1.nii.gz"] == (False, "header refused: 1.2.1.nii.gz: shape is flat")
    assert refused["1.2.3"] == (False, "label file preferred")  # nothing takes its place in silence


def test_a_label_file_marks_the_study_of_its_series_as_segmented(folder, monkeypatch):
    write(folder, {"1.2.1.nii.gz": b"s"})
    seen = []

    def watched(rivals, *, min_images):
        seen.extend((one.key, one.modality, one.study_uid) for one in rivals)
        return by_name(rivals)

    monkeypatch.setattr(dicom_series, "choose_flair", watched)
    chosen(folder)
    assert ("1.2.1.nii.gz", "SEG", "1.9.4941") in seen


def test_equal_copies_count_once_and_different_ones_are_an_error(folder, series):
    write(folder, {"copy/0": (folder / "a/b/0").read_bytes()})
    source = source_at(folder)
    assert "1 files are copies of images that are there already" in source.discover().notes
    assert source.lock(source.discover()).items[0].number("n_images") == 3
    write(folder, {"copy/0": series(CS, 1, n=1, Rows=2)[0]})
    with pytest.raises(BadInputError, match=r"/mine: a/b/0 and copy/0 .*1\.2\.1\.0"):
        source_at(folder).discover()


def test_a_series_of_two_patients_is_not_used_and_says_why(folder, series):
    another = {f"c/{k}": content for k, content in enumerate(series(CS, 5))}
    write(folder, {"x": series(DU, 1, n=5)[4], **another})
    source = source_at(folder)
    items = {item.key: item for item in source.lock(source.discover()).items}
    assert items["1.2.1"].reason == "files of 2 different patient values"
    assert [key for key, item in items.items() if item.chosen and item.role == "flair"] == ["1.2.5"]


def test_patients_of_other_names_need_a_table_and_strangers_are_counted(folder, series):
    write(folder, {"x": series("UPENN 1", 7, n=1)[0]})
    with pytest.raises(BadInputError, match=r"mine/x: PatientID 'UPENN 1': .*modalities\.flair\.patients"):
        source_at(folder).discover()
    write(folder, {"x": series("UPENN-1", 7, n=1)[0]})
    assert {item.patient_id for item in source_at(folder).lock(source_at(folder).discover()).items} >= {"UPENN-1"}
    names = PatientNames(table={"UPENN-1": "TCGA-ZZ-0001"})
    assert "1.2.7" in chosen(folder, patients=names)
    listing = source_at(folder, patients=PatientNames(table={})).discover()
    assert "1 patients are not in modalities.flair.patients: UPENN-1" in listing.notes


def test_a_list_restricts_to_its_series_and_all_must_be_there(folder):
    listed = partial(SeriesManifest, host=None, notes=("one line skipped",))
    source = source_at(folder, manifest=listed(series=("1.2.1",)))
    listing = source.discover()
    assert [item.key for item in source.lock(listing).items] == ["1.2.1"]
    assert "one line skipped" in listing.notes
    with pytest.raises(NobodyKeptError, match=r"mine: 1 patients, 1 with a FLAIR .* mask"):
        source.probe()
    with pytest.raises(IntegrityError, match=r"modalities\.flair\.manifest: 2 .*: 1\.2\.8, 1\.2\.9$"):
        source_at(folder, manifest=listed(series=("1.2.1", "1.2.8", "1.2.9"))).probe()


def commons_of(tmp_path, rows):
    path = tmp_path / "manifest.csv"
    path.write_text("drs_uri,md5,size,TCIA Series Instance UID\n" + "".join(f"{row}\n" for row in rows))
    return read_commons_manifest(path)


def test_a_general_commons_download_must_hold_every_listed_byte(folder, tmp_path):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = [
        f"drs://commons.example.org/id-{n},{hashlib.md5(path.read_bytes()).hexdigest()},{path.stat().st_size},1.2.1"
        for n, path in enumerate(paths)
    ]
    whole = commons_of(tmp_path, rows)
    assert chosen(folder, commons=whole)
    content = (folder / "a/b/1").read_bytes()
    (folder / "a/b/1").write_bytes(content[:-1] + b"\x07")
    with pytest.raises(
        IntegrityError, match=r"modalities\.flair\.manifest: .*1 of 9 .*: id-\d \(md5 \w{32}, \d+ bytes\)"
    ):
        chosen(folder, commons=whole)
    (folder / "a/b/1").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"modalities\.flair\.manifest: 1 .*: 1\.2\.9$"):
        source_at(folder, commons=commons_of(tmp_path, [*rows, "drs://x/id-9,,,1.2.9"])).probe()


@pytest.mark.parametrize("place", [None, "absent"])
def test_an_absent_folder_names_the_key_and_where_the_images_are(tmp_path, place):
    with pytest.raises(ConfigError, match=r"modalities\.flair\.folder: .*General Commons.*phs004225"):
        source_at(None if place is None else tmp_path / place).probe()


@pytest.mark.parametrize("place", ["~/dicom", r"C:\\dicom"])
def test_a_folder_that_a_shell_or_another_system_would_know_says_so(place):
    with pytest.raises(ConfigError, match=r"modalities\.flair\.folder: found no folder at .* \(.*(home|WSL)"):
        source_at(Path(place)).probe()


def test_a_folder_without_any_series_is_refused(tmp_path):
    write(tmp_path, {"a.txt": b"x"})
    with pytest.raises(BadInputError, match="no DICOM series"):
        source_at(tmp_path).probe()


def deflated(content):
    image = pydicom.dcmread(io.BytesIO(content))
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    target = io.BytesIO()
    image.save_as(target, enforce_file_format=True)
    return target.getvalue()


def test_a_deflated_file_is_refused_by_name_before_anything_is_inflated(folder, monkeypatch):
    write(folder, {"z.dcm": deflated((folder / "a/b/0").read_bytes())})
    monkeypatch.setattr(zlib, "decompress", lambda *_: pytest.fail("inflated"))
    with pytest.raises(BadInputError, match=r"mine/z\.dcm: TransferSyntaxUID Deflated"):
        source_at(folder).discover()


@pytest.mark.parametrize("keep", [140, 200, 330])
def test_a_cut_header_is_refused_by_name(folder, keep):
    write(folder, {"z.dcm": (folder / "a/b/0").read_bytes()[:keep]})
    with pytest.raises(BadInputError, match=r"mine/z\.dcm: .*DICOM"):
        source_at(folder).discover()


def test_a_table_of_contents_is_not_an_image(folder, dicom_slice):
    image = pydicom.dcmread(io.BytesIO(dicom_slice("1.2.3")))
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    target = io.BytesIO()
    image.save_as(target)
    write(folder, {"DICOMDIR": target.getvalue()})
    assert "DICOMDIR, LICENSE" in source_at(folder).discover().notes[0]


def all_are_flair(rivals, *, min_images):
    return [item_of(one, "flair", "only one", score=1.0, chosen=True) for one in rivals]


@pytest.mark.parametrize("name", ["flair_explicit_vr", "flair_philips_implicit_vr", "flair_rle"])
def test_published_series_are_grouped_and_decoded(real_data, name, tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_series, "choose_flair", all_are_flair)
    names = PatientNames(table={"dicom2nifti": "TCGA-ZZ-0001"})
    source = source_at(real_data / "dicom" / name, patients=names)
    (item,) = source.lock(source.discover()).items
    entry = source.fetch(item, tmp_path)
    assert (item.number("n_images"), item.text("study_date"), entry.metadata["n_images"], len(entry.members)) == (
        4,
        "2016-03-09",
        4,
        4,
    )
    assert entry.rejected is None


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        ({"InversionTime": 2200, "EchoTime": 120, "RepetitionTime": 9000}, True),
        ({"InversionTime": 900, "EchoTime": 20, "RepetitionTime": 2000}, False),
        ({"InversionTime": None, "EchoTime": 120, "RepetitionTime": 9000}, False),
    ],
    ids=["a FLAIR's", "a T1 FLAIR's", "no inversion time"],
)
def test_an_unnamed_series_is_a_flair_only_by_all_its_tags(tmp_path, series, tags, chosen):
    images = series(CS, 1, "", **tags)
    images += series(CS, 2, "AX T1", n=2)
    root = write(tmp_path / "mine", {f"{k}": content for k, content in enumerate(images)})
    source = source_at(root)
    found = {item.key: item for item in source._judged()}
    assert found["1.2.1"].chosen is chosen
    assert ("by its tags" in found["1.2.1"].text("description")) is chosen
