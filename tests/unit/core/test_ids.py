import pytest

from mgi.core.errors import BadInputError
from mgi.core.ids import barcode_of, is_dicom_uid, is_patient_id, is_primary, patient_id_of, sample_code_of, sample_of

ALIQUOT = "TCGA-DU-6404-02A-11R-1234-07"


@pytest.mark.parametrize(
    ("label", "patient"),
    [
        ("TCGA-DU-6404", "TCGA-DU-6404"),
        (ALIQUOT, "TCGA-DU-6404"),
        ("TCGA_CS_4942_19970222", "TCGA-CS-4942"),
        ("TCGA_CS_4942_19970222_1.tif", "TCGA-CS-4942"),
        ("tcga-hT-a61b", "TCGA-HT-A61B"),
        (" TCGA-FG-5962\n", "TCGA-FG-5962"),
        ("TCGA.DU.6404", "TCGA-DU-6404"),
        ("TCGA.DU.6404.01A", "TCGA-DU-6404"),
        ("tcga.du.6404.01a", "TCGA-DU-6404"),
        ("TCGA.DU.6404.02A.11R.1234.07", "TCGA-DU-6404"),
        ("TCGA.DU.6404.01A.1", "TCGA-DU-6404"),
    ],
)
def test_the_patient_of_any_barcode_or_folder_name(label: str, patient: str) -> None:
    assert patient_id_of(label) == patient
    barcode = barcode_of(label)
    assert barcode is not None
    assert (barcode.patient_id, barcode.site) == (patient, patient[5:7])


@pytest.mark.parametrize("label", ["TCGA", "TCGA-DU-64", "TCGA-DU-64045", "tcga_du_6404x"])
def test_what_is_nearly_a_barcode_is_no_id_of_its_own(label: str) -> None:
    with pytest.raises(BadInputError, match=f"'{label}'.*TCGA-XX-XXXX"):
        patient_id_of(label)


@pytest.mark.parametrize(
    "label",
    [
        "GTEX-DU-6404", "xTCGA-DU-6404", "1234", "P_1.b", "a" * 64, " P1\n",
        "P.DU.6404.01A", "TCGA.DU.64", "TCGA.pilot.12", "TCGA.DU.6404.flair", "TCGA.DU-6404.01A",
    ],
)  # fmt: skip
def test_any_safe_text_is_a_patient(label: str) -> None:
    assert patient_id_of(label) == label.strip()
    assert is_patient_id(label)
    assert barcode_of(label) is None
    assert sample_of(label) is None


@pytest.mark.parametrize("label", ["", ".hidden", "-x", "a b", "a/b", "..", "é", "a" * 65, "Doe^John", "a\0"])
def test_what_is_no_safe_text_is_refused_by_name(label: str) -> None:
    assert not is_patient_id(label)
    with pytest.raises(BadInputError, match=r"patient id.* 64 "):
        patient_id_of(label)


@pytest.mark.parametrize(
    ("barcode", "sample", "code"),
    [
        (ALIQUOT, "TCGA-DU-6404-02A", "02"),
        ("TCGA-DU-6404-01A", "TCGA-DU-6404-01A", "01"),
        ("tcga_du_6404_01b", "TCGA-DU-6404-01B", "01"),
        ("tcga.du.6404.01b", "TCGA-DU-6404-01B", "01"),
        ("TCGA-DU-6404-11", "TCGA-DU-6404-11", "11"),
        ("TCGA-DU-6404", None, None),
        ("TCGA_CS_4942_19970222", None, None),
    ],
)
def test_the_sample_part_is_read_where_there_is_one(barcode: str, sample: str | None, code: str | None) -> None:
    assert sample_of(barcode) == sample
    assert sample_code_of(barcode) == code


def test_only_code_01_is_a_primary_tumour() -> None:
    codes = [code for code in ("01", "02", "06", "10", "11") if is_primary(f"TCGA-DU-6404-{code}A")]
    assert codes == ["01"]
    assert not is_primary("TCGA-DU-6404")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1.2.840.10008.1.2", True),
        ("2.25.159938781348401988370074200042204937718", True),
        ("1", False),
        ("1.2.3\n", False),
        ("1..2", False),
        ("../1.2", False),
        ("1.2.x", False),
        ("1." + "2" * 63, False),
        ("Series ID", False),
    ],
)
def test_a_uid_has_digits_and_points_only(text: str, right: bool) -> None:
    assert is_dicom_uid(text) is right
