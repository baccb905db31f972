from dataclasses import replace

import pytest

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.locks.lock import as_json
from mgi.modalities.gdc.aliquots import choose_aliquots
from mgi.modalities.rna.sources.opening import expression_matrix, summary
from small_locks import profile, rna_lock


def table_of(*labels):
    numbers = [str(index) for index, _ in enumerate(labels)]
    return "\t".join(["gene_id", *labels]) + "\n" + "\t".join(["TP53", *numbers]) + "\n"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "table.txt"
    path.write_text(table_of("TCGA-HT-7473-01A", "TCGA-HT-7473-02A", "TCGA-CS-4941"))
    return expression_matrix(path)


def test_the_lock_has_one_label_per_patient_and_pins_the_table(source):
    lock = source.lock(source.discover())
    assert [(item.patient_id, item.sample, item.key, item.chosen, item.reason) for item in lock.items] == [
        ("TCGA-CS-4941", None, "TCGA-CS-4941", True, "labelled by patient"),
        ("TCGA-HT-7473", "TCGA-HT-7473-01A", "TCGA-HT-7473-01A", True, "primary tumour"),
        ("TCGA-HT-7473", "TCGA-HT-7473-02A", "TCGA-HT-7473-02A", False, "recurrent sample"),
    ]
    assert lock.table.name == "table.txt"
    assert as_json(lock) == as_json(source.lock(source.discover()))
    assert source.probe() == "3 samples in table.txt"


def test_a_table_of_ones_own_ids_is_locked_by_them(source):
    source.table.write_text(table_of("P1", "P2-0123456789012345678901234567"))
    lock = source.lock(source.discover())
    assert [(item.patient_id, item.sample, item.chosen, item.reason) for item in lock.items] == [
        ("P1", None, True, "labelled by patient"),
        ("P2-0123456789012345678901234567", None, True, "labelled by patient"),
    ]


def test_a_row_is_in_place_once_the_table_is_checked(source, tmp_path):
    lock = source.lock(source.discover())
    assert source.verify(lock.items[0], tmp_path) is None
    with pytest.raises(ConfigError, match=r"TCGA-CS-4941: .*table .*lock"):
        source.fetch(lock.items[0], tmp_path)
    source.check_lock(lock)
    entry = source.verify(lock.items[0], tmp_path)
    assert (entry.path, entry.key, entry.sha256) == (None, "TCGA-CS-4941", lock.table.sha256)


def test_a_changed_table_is_refused(source):
    lock = source.lock(source.discover())
    source.table.write_text(table_of("TCGA-HT-7473-01A"))
    with pytest.raises(IntegrityError, match=r"table\.txt: .*sha256 another; .*table\.txt, \d+ bytes, sha256 "):
        source.check_lock(lock)


def test_labels_that_are_no_patients_are_refused(source):
    source.table.write_text(table_of("TCGA-1"))
    with pytest.raises(BadInputError, match=r"'TCGA-1': .*TCGA-XX-XXXX"):
        source.lock(source.discover())


def test_an_absent_table_names_the_key(tmp_path):
    for table in (None, tmp_path / "absent.csv"):
        with pytest.raises(ConfigError, match=r"modalities\.rna\.table: "):
            expression_matrix(table).discover()


def test_choices_that_a_person_should_look_at_are_said(source):
    labels = ("TCGA-HT-7473-01A", "TCGA-HT-7473-01B", "TCGA-CS-4941-01A_x", "TCGA-CS-4941-01A_y", "TCGA-DU-0001")
    source.table.write_text(table_of(*labels))
    told = summary(source.lock(source.discover()))
    assert told[0].startswith("5 profiles, 2 chosen")
    assert told[1:] == [
        "1 patients with vial A taken before B, their preservation not stated: TCGA-HT-7473",
        "1 patients without a choice, since nothing tells their profiles apart: TCGA-CS-4941",
    ]


def test_formalin_fixed_profiles_and_a_listing_that_does_not_state_them_are_said():
    def items(preservation):
        about = {} if preservation is None else {"preservation": preservation}
        labels = ("TCGA-A6-6650-01A-11R-1774-07", "TCGA-A6-6650-01B-02R-A277-07", "TCGA-A6-0001-01B-02R-A277-07")
        offers = [profile(label[:12], key=label, sample=label, chosen=False) for label in labels]
        offers = [offers[0], *(replace(one, metadata=about, reason="") for one in offers[1:])]
        return choose_aliquots([replace(one, reason="") for one in offers], lambda item: item.sample)

    told = summary(rna_lock(*items("FFPE"), source="gdc"))
    assert told[1:] == [
        "1 patients with a formalin-fixed (FFPE) profile alone: TCGA-A6-0001",
        "1 patients with a formalin-fixed profile passed over: TCGA-A6-6650",
    ]
    assert "no sample's preservation is stated" in summary(rna_lock(*items(None), source="gdc"))[1]
