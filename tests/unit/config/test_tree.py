"""The tree of settings: light to import, open to further modalities, and checked as a whole."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from mgi.config.tree import SimulatedOmics, SimulationSettings, checked
from mgi.core.errors import ConfigError
from mgi.modalities import registry
from mgi.models.settings import ModelSettings
from mgi_standin.simulation import settings as standin

HEAVY = ("numpy", "pandas", "pyarrow", "torch", "pydicom", "scipy", "requests")
PLUGIN = """
from mgi.locks.settings import FetchSettings
from mgi.modalities.modality import Modality
from mgi.modalities.registry import register

class ToySettings(FetchSettings):
    source: str = "toy"
    depth: int = 3

settings = f"{__name__}:ToySettings"
register(Modality(name="toy", shard_format="table", settings=settings, fetching=__name__, sharding=__name__))
"""


def test_reading_a_config_imports_nothing_heavy() -> None:
    code = f"import sys, mgi.config.tree as t; t.checked({{}}); print([m for m in {HEAVY} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_simulation_reads_what_the_config_says() -> None:
    assert {field.name for field in fields(standin.SimulationSettings)} == set(SimulationSettings.model_fields)
    assert get_args(SimulatedOmics) == standin.OMICS


def test_only_what_is_simulated_can_be_missing() -> None:
    size = {"seed": 1, "n_patients": 9, "n_genes": 800, "slices_min": 5, "slices_max": 5, "pixels": 32}
    given = size | {"genes_drive_images": True, "omics": ["cn", "rppa"], "missing": {"rppa": 0.5}}
    assert checked({"simulation": given})["simulation"]["missing"] == {"rppa": 0.5}
    with pytest.raises(ConfigError, match=r"^simulation\.missing: found mirna, expected entries of simulation\.omics"):
        checked({"simulation": given | {"missing": {"mirna": 0.1}}})
    with pytest.raises(ConfigError, match=r"^simulation\.missing\.cn: .*1\.2"):
        checked({"simulation": given | {"missing": {"cn": 1.2}}})
    with pytest.raises(ConfigError, match=r"^simulation\.omics.*no entry twice"):
        checked({"simulation": given | {"omics": ["cn", "cn", "rppa"]}})


def test_split_evidence_needs_slides_and_genes_of_a_subtype() -> None:
    size = {"seed": 1, "n_patients": 9, "n_genes": 800, "slices_min": 5, "slices_max": 5, "pixels": 32}
    given = size | {"genes_drive_images": True, "slides": True, "split_evidence": True}
    assert checked({"simulation": given | {"subtype_genes": 90}})["simulation"]["split_evidence"] is True
    for lacking in (given, given | {"subtype_genes": 90, "slides": False}):
        with pytest.raises(ConfigError, match=r"^simulation\.split_evidence: found true, expected false, or slides"):
            checked({"simulation": lacking})


def test_a_size_says_what_is_not_named_and_is_itself_no_setting() -> None:
    base, tiny = checked({})["model"], checked({"model": {"size": "tiny", "image_width": 24}})["model"]
    changed = {key for key in base if base[key] != tiny[key]}
    assert changed == set(ModelSettings.by_size["tiny"])
    assert tiny == base | ModelSettings.by_size["tiny"] | {"image_width": 24}
    assert checked({"model": tiny})["model"] == tiny
    for given in ("huge", ["tiny"], None):
        with pytest.raises(ConfigError, match=r"^model\.size: .*tiny, small, base$"):
            checked({"model": {"size": given}})


def test_a_plugin_adds_a_section_that_is_there_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    file = tmp_path / "toy_modality_of_the_config_test.py"
    file.write_text(PLUGIN)
    given = {"plugins": [str(file)]}
    assert set(checked(given)["modalities"]) == {"rna", "flair"}
    assert checked(given | {"modalities": {"toy": {"batches": 2}}})["modalities"]["toy"] == {
        "source": "toy", "lock": None, "batches": 2, "threads": 4, "retry_base_s": 1.0, "depth": 3,
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"modalities\.toy\.depth: .*\"4\".*integer"):
        checked(given | {"modalities": {"toy": {"depth": "4"}}})


def test_a_plugin_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken_plugin.py").write_text("import no_such_module_anywhere")
    with pytest.raises(ConfigError, match=r"plugins: .*broken_plugin\.py: ModuleNotFoundError"):
        checked({"plugins": [str(tmp_path / "broken_plugin.py")]})


OWN_FILES = PLUGIN.replace("depth: int = 3", "path: str | None = None").replace(
    "sharding=__name__", 'sharding=__name__, own_files={"table": "path"}'
)


def test_a_plugins_own_file_is_refused_with_a_source_that_does_not_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    file = tmp_path / "own_file_of_the_config_test.py"
    file.write_text(OWN_FILES)
    given = {"plugins": [str(file)]}
    assert checked(given | {"modalities": {"toy": {"source": "table", "path": "own.tsv"}}})
    with pytest.raises(ConfigError, match=r"^modalities\.toy\.path: found \"own\.tsv\", .* source table reads it$"):
        checked(given | {"modalities": {"toy": {"source": "archive", "path": "own.tsv"}}})


@pytest.mark.parametrize("name", ["rna", "flair"])
def test_every_key_that_is_for_some_sources_says_so_to_the_reader_and_to_the_check(name: str) -> None:
    cls = registry.settings_class(name)
    described = {key for key, field in cls.model_fields.items() if (field.description or "").startswith("For source")}
    elsewhere = {"rna": {"base_url"}, "flair": set()}[name]  # the GDC also serves the genes' positions of a matrix
    assert described - elsewhere == set(cls.read_by)
    for key, sources in cls.read_by.items():
        assert set(sources) < set(get_args(cls.model_fields["source"].annotation)), key
