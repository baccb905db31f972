import re
import uuid

from pydicom.uid import UID

from mgi_standin.simulation.genes import draw_gene_table
from mgi_standin.simulation.identifiers import archive_key, stream_of, uid_of, uuid_of
from mgi_standin.simulation.settings import SimulationSettings


def settings(seed: int) -> SimulationSettings:
    return SimulationSettings(
        seed=seed, n_patients=12, n_genes=700, slices_min=6, slices_max=8, pixels=32, genes_drive_images=True
    )


def test_a_uuid_is_a_random_uuid_in_form_and_the_same_each_time():
    assert uuid.UUID(uuid_of("key", "a", "b")).version == 4
    assert uuid_of("key", "a", "b") == uuid_of("key", "a", "b")
    assert len({uuid_of("key", "a"), uuid_of("key", "b"), uuid_of("other", "a")}) == 3


def test_a_uid_is_valid_and_derived_from_its_uuid():
    uid = uid_of("key", "a")
    assert UID(uid).is_valid
    assert re.fullmatch(r"2\.25\.[1-9]\d*", uid)
    assert int(uid.removeprefix("2.25.")) == uuid.UUID(uuid_of("key", "a")).int


def test_another_seed_or_other_genes_share_no_identifier():
    genes, others = draw_gene_table(700, 1), draw_gene_table(700, 2)
    keys = {archive_key(settings(1), genes), archive_key(settings(2), genes), archive_key(settings(1), others)}
    assert len(keys) == 3
    assert archive_key(settings(1), genes) in keys


def test_streams_depend_on_seed_kind_and_name_alone():
    def draw(seed: int, stream: int, name: str) -> float:
        return float(stream_of(settings(seed), stream, name).random())

    assert draw(1, 12, "a") == draw(1, 12, "a")
    assert len({draw(1, 12, "a"), draw(1, 12, "b"), draw(1, 13, "a"), draw(2, 12, "a")}) == 4
