import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.patient_names import PatientNames, read_patient_names


def write(tmp_path, text):
    path = tmp_path / "patients.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_table_an_id_must_be_a_patients_own():
    names = read_patient_names(None)
    assert names.patient_of("TCGA-CS-4941-01A") == "TCGA-CS-4941"
    assert names.patient_of("UPENN-1") == "UPENN-1"
    with pytest.raises(BadInputError, match=r"'Doe\^John': .*modalities\.flair\.patients"):
        names.patient_of("Doe^John")


def test_a_table_gives_barcodes_and_leaves_out_whom_it_does_not_know(tmp_path):
    text = "\ufeffid\tpatient_id\r\nUPENN-1\tTCGA-ZZ-0001\r\n\r\nUPENN-2\ttcga-zz-0002\r\n"
    names = read_patient_names(write(tmp_path, text))
    assert [names.patient_of(found) for found in ("UPENN-1", "UPENN-2", "UPENN-3", "TCGA-CS-4941")] == [
        "TCGA-ZZ-0001",
        "TCGA-ZZ-0002",
        None,
        "TCGA-CS-4941",
    ]
    assert PatientNames().given is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"patients\.tsv: columns \[\]"),
        ("found\tpatient\n", r"patients\.tsv: columns \['found', 'patient'\], .*\['id', 'patient_id'\]"),
        ("id\tpatient_id\nA\n", r"patients\.tsv: line 2: 1 .*2$"),
        ("id\tpatient_id\nA\tX 1\n", r"patients\.tsv: line 2: 'X 1'"),
        (
            "id\tpatient_id\nA\tTCGA-ZZ-0001\nA\tTCGA-ZZ-0002\n",
            r"patients\.tsv: line 3: id 'A' .*TCGA-ZZ-0001.*TCGA-ZZ-0002",
        ),
    ],
)
def test_a_table_that_is_wrong_is_named_by_its_line(tmp_path, text, said):
    with pytest.raises(BadInputError, match=said):
        read_patient_names(write(tmp_path, text))


def test_an_absent_table_is_one_line(tmp_path):
    with pytest.raises(BadInputError, match=r"modalities\.flair\.patients: .*none\.tsv"):
        read_patient_names(tmp_path / "none.tsv")
