"""Readers of listings, locks and configs."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fuzz.target import Seed, on_disk


class Answers:
    """A service whose every reply is the same bytes, parsed as the real client parses them."""

    name = "stub"
    credential = None

    def __init__(self, data: bytes) -> None:
        self._data = data

    def json(self, request: Any, check: Callable[[Any], None] = lambda reply: None) -> Any:
        from mgi.core.errors import NetworkError
        from mgi.http.reply import parsed

        try:
            reply = parsed(self._data)
        except ValueError:
            raise NetworkError("stub: not JSON") from None
        self.retrying(lambda: check(reply), seed="")
        return reply

    def listing(self, label: str) -> Any:
        """The limits of the real client."""
        from mgi.http.deadline import Limits, Listing

        return Listing(label=label, limits=Limits(), clock=time.monotonic)

    def retrying(self, action: Callable[[], Any], *, seed: str) -> Any:
        """One attempt: the next would bring the same."""
        from mgi.http.retry import TransientError

        try:
            return action()
        except TransientError as failure:
            raise failure.error from None


def read_gdc(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.http.gdc_search import all_hits
    from mgi.modalities.gdc.listing import file_row, files_query, optional_fields
    from mgi.modalities.rna.sources.opening import STAR_COUNTS

    notes = json.loads((seeds / "json/gdc_notes.json").read_text())

    def read(data: bytes, note: Any) -> Any:
        asked, optional = files_query("TCGA-LGG", STAR_COUNTS), optional_fields(STAR_COUNTS)
        hits = all_hits(Answers(data), "files", asked, id_field="file_id", optional=optional)  # type: ignore[arg-type]
        return [file_row(hit, notes, STAR_COUNTS) for hit in hits]

    return read


def read_nbia(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.flair.choice import choose_flair
    from mgi.modalities.flair.sources.tcia_listing import NbiaVersions, read_series, series_rows
    from mgi.modalities.flair.sources.user_lists import PatientNames

    def read(data: bytes, note: Any) -> Any:
        _, rows = series_rows(NbiaVersions(services={"v4": Answers(data)}), "TCGA-LGG")  # type: ignore[dict-item]
        series = [read_series(row, PatientNames()) for row in rows]
        return choose_flair([one for one in series if one is not None])

    return read


def read_sops(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.flair.sources.tcia_listing import NbiaVersions, sop_uids

    def read(data: bytes, note: Any) -> Any:
        return sop_uids(NbiaVersions(services={"v4": Answers(data)}), "1.2.3")  # type: ignore[dict-item]

    return read


def read_lock(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.locks.lock import read_lock
    from mgi.modalities.flair.sources.tcia import TciaImages
    from mgi.modalities.gdc.files import GdcFiles
    from mgi.modalities.rna.sources.opening import STAR_COUNTS

    files = GdcFiles(query=STAR_COUNTS, service=None, project="TCGA-LGG")  # type: ignore[arg-type]
    checks = {"rna": files.check_item, "flair": partial(TciaImages.check_item, None)}

    def call(path: Path) -> Any:
        name = path.stem.removeprefix("lock_")
        return read_lock(path, modality=name, check_item=checks[name])

    return on_disk(scratch, call)


def read_index(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.locks.raw_index import read_raw_indexes

    return on_disk(scratch, lambda path: read_raw_indexes([path], path.stem.removeprefix("index_")))


ROOT = Path(__file__).parents[2]


def configs(folder: Path) -> list[Seed]:
    return [Seed(data=path.read_bytes()) for path in sorted((ROOT / "config").glob("*.yaml"))]


def read_config(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    import yaml
    from snakemake.utils import update_config

    from mgi.config.tree import checked
    from mgi.core.errors import ConfigError

    default = yaml.safe_load((ROOT / "config/config.yaml").read_text())

    def read(data: bytes, note: Any) -> Any:
        try:
            overlay = yaml.safe_load(data)
        except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
            raise ConfigError("not YAML: Snakemake's own reader refuses it") from None
        if not isinstance(overlay, dict):
            raise ConfigError("not a mapping: Snakemake's own reader refuses it")
        config = json.loads(json.dumps(default))
        update_config(config, overlay)
        try:
            return checked(config)
        except ConfigError as error:
            if "\n" in str(error):
                raise RuntimeError("more than one line") from None
            raise

    return read


def sections(folder: Path) -> list[Seed]:
    import yaml

    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["simulation"] = yaml.safe_load((ROOT / "config/toy.yaml").read_text())["simulation"]
    rna, flair = config["modalities"]["rna"], config["modalities"]["flair"]
    config |= {"expression": rna, "images": flair, "genes": rna.pop("fit")}
    names = (
        "expression",
        "images",
        "simulation",
        "split",
        "model",
        "pretrain",
        "finetune",
        "predict",
        "evaluation",
        "genes",
    )
    return [
        Seed(
            data=json.dumps({key: value for key, value in config[name].items() if key != "batches"}).encode(), note=name
        )
        for name in names
        if name in config
    ]


def parse_section(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.cohort.settings import SplitSettings
    from mgi.config.tree import SimulationSettings
    from mgi.modalities.flair.settings import FlairSettings
    from mgi.modalities.rna.settings import FitSettings, RnaSettings
    from mgi.models.settings import ModelSettings
    from mgi.tasks.segmentation.settings import EvaluationSettings
    from mgi.training.settings import FinetuneSettings, PredictSettings, PretrainSettings

    classes: dict[str, type] = {
        "expression": RnaSettings, "images": FlairSettings, "simulation": SimulationSettings,
        "split": SplitSettings, "model": ModelSettings, "pretrain": PretrainSettings, "finetune": FinetuneSettings,
        "predict": PredictSettings, "evaluation": EvaluationSettings, "genes": FitSettings,
    }  # fmt: skip
    return lambda data, note: classes[note].read(data.decode("utf-8", "replace"))
