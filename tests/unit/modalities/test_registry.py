import dataclasses

import pytest

from mgi.core.errors import ConfigError
from mgi.modalities import registry
from mgi.modalities.modality import Modality

OWN = Modality(name="own", shard_format="table", settings="m:S", fetching="m", sharding="m")


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})


def test_what_is_registered_comes_after_the_built_in_ones():
    registry.register(OWN)
    registry.register(OWN)
    assert (registry.names()[0], registry.names()[-1]) == ("rna", "own")
    assert len(registry.names()) == len(registry._BUILT_IN) + 1
    assert [one.name for one in registry.in_order(["own", "flair"])] == ["flair", "own"]
    assert (registry.modality("own"), registry.module_of("own")) == (OWN, "m")


def test_a_name_belongs_to_one_modality_and_an_unknown_one_names_the_known():
    registry.register(OWN)
    for taken in (dataclasses.replace(OWN, name="rna"), dataclasses.replace(OWN, fetching="n")):
        with pytest.raises(ConfigError, match=r"^modality (rna|own): .*twice"):
            registry.register(taken)
    with pytest.raises(ConfigError, match=r"^modality: .*'hearsay'.*rna, flair, .*own"):
        registry.in_order(["hearsay"])


@pytest.mark.parametrize("name", ["Own", "own-1", "", "reason", "patient_id"])
def test_a_name_must_be_fit_for_a_column(name):
    with pytest.raises(ConfigError, match=r"^modality: .* name"):
        dataclasses.replace(OWN, name=name)
