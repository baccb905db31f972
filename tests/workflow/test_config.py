"""A config that cannot work is refused before any job, in one line that names the key."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from lib.config import ConfigError, check_checkout, check_writable, section
from mgi.config.tree import checked

ROOT = Path(__file__).parents[2]
OVERLAYS = {
    "demo": ["demo"],
    "demo-null": ["demo", "demo-null"],
    "known-biology": ["demo", "known-biology"],
    "modalities-demo": ["demo", "modalities-demo"],
    "kaggle": ["kaggle"],
    "kaggle-gpu": ["kaggle", "kaggle-gpu"],
    "paper-like": ["kaggle", "paper-like"],
    "kaggle-context": ["kaggle", "kaggle-context"],
    "kaggle-best": ["kaggle", "kaggle-best"],
    "kaggle-labels": ["kaggle", "kaggle-labels"],
    "kaggle-probe": ["kaggle", "kaggle-labels", "kaggle-probe"],
    "kaggle-idh": ["kaggle", "kaggle-labels", "kaggle-idh"],
    "kaggle-survival": ["kaggle", "kaggle-labels", "kaggle-survival"],
    "mirrored": ["kaggle", "mirrored"],
    "second-seed": ["kaggle", "second-seed"],
    "omics": ["demo", "omics"],
    "retrieval": ["demo", "retrieval"],
    "retrieval-null": ["demo", "retrieval", "retrieval-null"],
    "gimp-demo": ["demo", "gimp", "gimp-demo"],
    "gimp-slides": ["gimp-slides"],
    "gimp-slides-null": ["gimp-slides", "gimp-slides-null"],
    "gimp-slides-many": ["gimp-slides", "gimp-slides-many"],
    "gimp-slides-null-many": ["gimp-slides", "gimp-slides-many", "gimp-slides-null-many"],
    "mri-slides": ["mri-slides"],
    "mri-slides-null": ["mri-slides", "mri-slides-null"],
    "nifti": ["nifti"],
    "dicom": ["dicom"],
    "toy": ["toy"],
}


def default_with(overlay: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    update_config(config, overlay)
    return config


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        (
            {"finetune": {"gene_dropuot": 0.1}},
            "finetune.gene_dropuot: unknown key; did you mean 'finetune.gene_dropout'?",
        ),
        ({"modle": {}}, "modle: unknown key; did you mean 'model'?"),
        ({"predict": {"zzz": 1}}, "predict.zzz: unknown key; known keys: batch, permutations, seed, tta_flip"),
        (
            {"pretrain": {"schedule": {"warmup": 1}}},
            "pretrain.schedule.warmup: unknown key; did you mean 'pretrain.schedule.warmup_steps'?",
        ),
        ({"split": {"folds": "5"}}, 'split.folds: found "5", expected integer'),
        ({"split": {"folds": 1}}, "split.folds: found 1, expected at least 2"),
        ({"runs": {"folds": [5]}}, "runs.folds: found 5, expected 0 to 4 (split.folds is 5)"),
        (
            {"runs": {"leaky_slice_split": {"folds": [7]}}},
            "runs.leaky_slice_split.folds: found 7, expected 0 to 4 (split.folds is 5)",
        ),
        (
            {"runs": {"controls": ["noise"]}},
            'runs.controls[0]: found "noise", expected one of no-genes, random-id, no-pretraining, '
            "no-image, no-flair, no-slides",
        ),
        ({"runs": {"methods": ["mgi", "mgi"]}}, 'runs.methods: found ["mgi", "mgi"], expected no entry twice'),
        (
            {"model": {"gene_encoder": "lstm"}},
            'model.gene_encoder: found "lstm", expected one of mamba, transformer, mlp, flat_mlp, group_attention, or '
            "what a file of `plugins` (MGI_PLUGINS) registers",
        ),
        ({"modalities": {"flair": None}}, 'runs.image: found "flair", expected flair or slides, and its section'),
        (
            {"modalities": {"flair": {"source": "idc"}}},
            'modalities.flair.source: found "idc", expected one of kaggle, tcia, nifti, dicom',
        ),
        (
            {"modalities": {"flair": {"fodler": "x"}}},
            "modalities.flair.fodler: unknown key; did you mean 'modalities.flair.folder'?",
        ),
        ({"modalities": {"rnaa": {}}}, "modalities.rnaa: unknown key; did you mean 'modalities.rna'?"),
        ({"images": {"source": "tcia"}}, "images: renamed; use modalities.flair"),
        ({"genes": {}}, "genes: renamed; use modalities.rna.fit"),
        ({"modalities": {"rna": {"values": "tpm"}}}, "modalities.rna.values: renamed; use modalities.rna.unit"),
        ({"split": {"validation_fraction": "0.2"}}, 'split.validation_fraction: found "0.2", expected number'),
        ({"split": {"folds": True}}, "split.folds: found true, expected integer"),
        ({"split": {"folds": 5.0}}, "split.folds: found 5.0, expected integer"),
        ({"pretrain": {"temperature": float("nan")}}, "pretrain.temperature: found NaN, expected a finite number"),
        (
            {"model": {"image_frame": "head"}},
            "model.image_frame: renamed; use model.image_crop (slice → none, head → foreground)",
        ),
        (
            {"pretrain": {"schedule": {"averaging": 0.9}}},
            "pretrain.schedule.averaging: renamed; use pretrain.schedule.ema_decay",
        ),
        ({"finetune": {"area_floor": 1.0}}, "finetune.area_floor: renamed; use finetune.empty_slice_weight"),
        ({"runs": {"slice_split": None}}, "runs.slice_split: renamed; use runs.leaky_slice_split"),
        (
            {"runs": {"controls": ["scratch"]}},
            'runs.controls[0]: found "scratch", expected one of no-genes, random-id, no-pretraining, '
            "no-image, no-flair, no-slides",
        ),
        (
            {"model": {"image_stem": "pyramid"}},
            'model.image_stem: found "pyramid", expected one of patch_embed, conv',
        ),
        ({"plugins": ["absent.py"]}, "plugins: found absent.py, expected a Python file"),
        ({"simulation": {"seed": 1}}, "simulation.n_patients: missing"),
        (
            {"modalities": {"rna": {"source": "matrix", "unit": "counts"}}},
            'modalities.rna.unit: found "counts", expected "tpm", since only source gdc reads it and source is matrix',
        ),
        (
            {"modalities": {"rna": {"table": "own.tsv"}}},
            'modalities.rna.table: found "own.tsv", expected null, since only source matrix reads it and source is gdc',
        ),
        (
            {"modalities": {"flair": {"folder": "own"}}},
            'modalities.flair.folder: found "own", expected null, since only source nifti or dicom reads it and source '
            "is kaggle",
        ),
        (
            {"modalities": {"flair": {"source": "tcia", "channels": ["pre", "flair"]}}},
            'modalities.flair.channels: found ["pre", "flair"], expected ["flair"], since only source kaggle reads it '
            "and source is tcia",
        ),
        *(
            (
                {"modalities": {"flair": {"channels": found}}},
                f"modalities.flair.channels: found {json.dumps(found)}, expected some of pre, flair, post in this "
                "order, flair among them",
            )
            for found in ([], ["pre", "post"], ["post", "flair"], ["flair", "flair"])
        ),
        (
            {"modalities": {"flair": {"channels": ["flair", "t2"]}}},
            'modalities.flair.channels[1]: found "t2", expected one of pre, flair, post',
        ),
        (
            {
                "modalities": {"flair": {"channels": ["flair", "post"]}},
                "external": {"modalities": {"rna": {}, "flair": {"source": "nifti", "folder": "f"}}},
            },
            'external.modalities.flair.channels: found ["flair"], expected ["flair", "post"] as '
            "modalities.flair.channels",
        ),
        (
            {"modalities": {"rna": {"table": "~/own.tsv", "source": "matrix"}}},
            'modalities.rna.table: found "~/own.tsv", expected a path as this machine has it: '
            "'~' is a shell's word; write the whole path of your home folder",
        ),
        (
            {"modalities": {"flair": {"archive": r"C:\me\archive.zip"}}},
            r'modalities.flair.archive: found "C:\\me\\archive.zip", expected a path as this machine has it: '
            "that is a drive of Windows; write where it is mounted, such as /mnt/c/",
        ),
        (
            {"model": {"pathways": "own.gmt"}},
            'model.pathways: found "own.gmt", expected null, since gene_tokens is shared',
        ),
        (
            {"modalities": {"rna": {"fit": {"gene_list": "own.txt"}}}},
            'modalities.rna.fit.gene_list: found "own.txt", expected null, since gene_filter is none',
        ),
        (
            {"model": {"gene_tokens": "pathway"}},
            "model.pathways: found null, expected a .gmt file for gene_tokens pathway",
        ),
        (
            {"modalities": {"rna": {"fit": {"gene_filter": "list"}}}},
            "modalities.rna.fit.gene_list: found null, expected a file of genes for gene_filter list",
        ),
        (
            {"explain": {"seed": 0}, "runs": {"methods": ["unet"]}},
            "explain: found a section, expected null where no run of mgi is asked for",
        ),
        (
            {"explain": {"seed": 0}, "pretrain": {"loss": "barlow_twins", "masked_gene_weight": 0.0}},
            "explain.values: found contrast, expected values without contrast and similarity, since pretrain.loss "
            "barlow_twins reads no genes",
        ),
        (
            {"explain": {"values": ["mask", "mask"]}},
            'explain.values: found ["mask", "mask"], expected no entry twice',
        ),
        ({"runs": {"ensemble": True}}, "runs.ensemble: found True, expected false with the one seed 0, or more seeds"),
        (
            {"pretrain": {"slices_per_patient": 2}},
            "pretrain.slices_per_patient: found 2, expected 1 with loss clip",
        ),
        (
            {"pretrain": {"triplet_weight": 0.5}},
            "pretrain.slices_per_patient: found 1, expected 2 or more with a triplet_weight",
        ),
        (
            {"pretrain": {"processes": 64}},
            "pretrain.schedule.batch: found 32, expected at least 64, one a process",
        ),
        (
            {"modalities": {"rna": {"fit": {"gtf": {"sha1": "x"}}}}},
            "modalities.rna.fit.gtf.sha1: unknown key; known keys: file_id, md5",
        ),
    ],
)
def test_what_is_wrong_is_named(overlay: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as problem:
        checked(default_with(overlay))
    assert str(problem.value) == message


@pytest.mark.parametrize("name", ["a{b}", "a\nb", "a\x1bb"])
def test_a_checkout_that_snakemake_cannot_name_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_checkout(Path("/home/me") / name)
    assert str(refused.value).isprintable()
    check_checkout(Path('/home/me/o\'dd "<y>" ü $HOME'))


def test_a_value_that_holds_itself_is_named() -> None:
    overlay = yaml.safe_load("modalities: {flair: {folder: &here [*here]}}")
    with pytest.raises(ConfigError, match=r"modalities\.flair\.folder: .*itself"):
        checked(default_with(overlay))


def test_what_is_left_out_has_the_default_of_its_place_at_every_depth() -> None:
    filled = checked({"pretrain": {"schedule": {"steps": 7}}})
    assert filled["pretrain"]["schedule"] == checked({})["pretrain"]["schedule"] | {"steps": 7}
    assert filled["pretrain"]["schedule"]["validate_every"] != filled["finetune"]["schedule"]["validate_every"]
    assert filled["pretrain"]["augment"]["rotation"] == 15.0


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_shipped_config_is_valid(name: str) -> None:
    config = default_with({})
    for overlay in OVERLAYS[name]:
        update_config(config, yaml.safe_load((ROOT / f"config/{overlay}.yaml").read_text()))
    added = name in ("paper-like", "mirrored", "second-seed", "kaggle-labels", "kaggle-probe")  # to another's results
    folder = "kaggle" if added else name
    assert checked(config)["results"] == f"results/{folder}"


def test_the_default_config_spells_out_every_key() -> None:
    written, config = (ROOT / "config/config.yaml").read_text(), checked({})
    assert checked(default_with({})) == config

    def keys(section: dict[str, Any]) -> list[str]:
        return [
            name for key, value in section.items() for name in (key, *(keys(value) if isinstance(value, dict) else ()))
        ]

    assert [key for key in keys(config) if f" {key}:" not in f" {written}".replace("\n", " ")] == []


def test_equal_settings_give_equal_text() -> None:
    config = {"a": {"b": {"y": 1, "x": 2, "z": 3}}}
    assert section(config, "a.b", without=("z",)) == '{"x": 2, "y": 1}'


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_writable(tmp_path / "new" / "folder")
    with pytest.raises(ConfigError, match=r"^results: .*'.*/deeper': .*: Not a directory$"):
        check_writable(tmp_path / "file" / "deeper")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"split": {"fold": 3}}, "config: split.fold: unknown key; did you mean 'split.folds'?"),
        ({"compute": {"threads": "two"}}, 'config: compute.threads: found "two", expected integer'),
        ({"results": "Snakefile/results"}, "config: results: cannot write to 'Snakefile/results': "),
    ],
)
def test_snakemake_stops_with_one_line_and_no_stack_trace(
    tree: Path, snakemake: Any, overlay: dict[str, Any], message: str
) -> None:
    (tree / "mine.yaml").write_text(yaml.safe_dump(overlay))
    stopped = snakemake(tree, "-n", "--configfile", "mine.yaml")
    assert stopped.returncode != 0
    assert sum(message in line for line in stopped.stdout.splitlines()) == 1
    assert "Traceback" not in stopped.stdout
    assert "Job stats" not in stopped.stdout
