import pytest

from mgi.cohort.sites import sites_of
from mgi.core.errors import BadInputError

PATIENTS = ["TCGA-CS-4941", "P1", "P2"]


def test_without_a_table_barcodes_say_and_all_others_have_one_site():
    assert sites_of(PATIENTS, None) == {"TCGA-CS-4941": "CS", "P1": "one site", "P2": "one site"}


def test_a_table_says_and_barcodes_fill_in(tmp_path):
    path = tmp_path / "sites.tsv"
    path.write_text("patient_id\tsite\nP1\tHeidelberg\nP2\tBergen\nP3\tBergen\n")
    assert sites_of(PATIENTS, path) == {"TCGA-CS-4941": "CS", "P1": "Heidelberg", "P2": "Bergen"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("patient_id\tsite\nP1\tA\n", r"sites\.tsv: .*\bP2\b"),
        ("patient_id\tsite\nP1\t\n", r"sites\.tsv: line 2: site ''"),
        ("patient_id\tsite\nP1\tA\nP1\tB\n", r"sites\.tsv: line 3: patient_id 'P1'.*\bA\b.*\bB\b"),
        ("patient\tsite\n", r"sites\.tsv: .*\['patient', 'site'\].*\['patient_id', 'site'\]"),
    ],
)
def test_a_table_that_is_wrong_is_named(tmp_path, text, said):
    path = tmp_path / "sites.tsv"
    path.write_text(text)
    with pytest.raises(BadInputError, match=said):
        sites_of(PATIENTS, path)
