"""Configs, locks and services."""

import time
from collections.abc import Callable
from pathlib import Path

from error_cases.ways import Case, config, file
from mgi.core.files import read_json, write_json
from mgi.core.sidecar import digested_path, verified
from mgi.http.address import refuse_open_wire
from mgi.http.credentials import gdc_credential
from mgi.http.deadline import Deadline, Limits, Listing
from mgi.http.retry import RetryPolicy, TransientError
from mgi.http.service import Request, open_service
from mgi.locks.lock import batch_of, check_lock, read_lock
from mgi.locks.raw_index import read_raw_index
from mgi.modalities.registry import modality
from small_locks import profile, rna_lock, write_lock


def edited(folder: Path) -> None:
    write_json(folder / "config.json", {"seed": 3})
    (folder / "config.json").write_text((folder / "config.json").read_text().replace("3,", "4,").replace(": 3", ": 4"))
    read_json(folder / "config.json")


def edited_lock(folder: Path) -> None:
    path = write_lock(folder / "locks/rna.json", rna_lock(profile("TCGA-CS-0001"), profile("TCGA-CS-0002")))
    path.write_text(path.read_text().replace("primary tumour", "primary tumor", 1))
    read_lock(path)


def edited_table(folder: Path) -> None:
    path = folder / "evaluation/results.csv"
    with digested_path(path) as part:
        part.write_text("method,mean\nmgi,0.8\n")
    path.write_text("method,mean\nmgi,0.9\n")
    verified(path)


def table_of_other_scores(folder: Path) -> None:
    scores = folder / "evaluation/unet.parquet"
    scores.parent.mkdir()
    scores.write_bytes(b"1")
    with digested_path(folder / "evaluation/results.csv", [scores]) as part:
        part.write_text("method,mean\n")
    scores.write_bytes(b"2")
    verified(folder / "evaluation/results.csv")


def unreachable(_: Path) -> None:
    service = open_service("http://127.0.0.1:9", connections=1, policy=RetryPolicy(attempts=1))
    service.json(Request(path="status", label="status"))


def dripping_header(_: Path) -> None:
    drips(lambda deadline: deadline.await_header(), 31)


def dripping_body(_: Path) -> None:
    drips(lambda deadline: deadline.await_body(1_000_000), 401)


def drips(begin: Callable[[Deadline], None], seconds: float) -> None:
    now = [0.0]
    deadline = Deadline(label="api.gdc.cancer.gov: status", limits=Limits(), clock=lambda: now[0])
    try:
        with deadline.attempt():
            begin(deadline)
            deadline.seconds_for_a_read()
            deadline.arrived(17)
            deadline.delivered(17)
            now[0] = seconds
            deadline.seconds_for_a_read()
    except TransientError as failure:
        raise failure.error from None


CASES: dict[str, dict[str, Case]] = {
    "config": {
        "unknown key, a near one is known": config(splt={}),
        "unknown key, none is near": config(split={"zzz": 1}),
        "channels in another order": config(modalities={"flair": {"channels": ["post", "flair"]}}),
        "old section": config(expression={}),
        "old key": config(finetune={"image_encoder_rate": 0.1}),
        "old key and value": config(model={"image_frame": "head"}),
        "value out of range": config(split={"folds": 1}),
        "value of another type": config(finetune={"schedule": {"steps": "100"}}),
        "value that is none of a few": config(model={"size": "huge"}),
        "two keys that contradict each other": config(runs={"folds": [7]}),
        "a file that another key needs": config(model={"gene_tokens": "pathway"}),
        "a key of a variant": config(runs={"variants": {"x": {"model": {"gene_encodr": "mlp"}}}}),
        "a variant with the name of a control": config(
            runs={"variants": {"no-genes": {"model": {"gene_encoder": "mlp"}}}}
        ),
        "a variant that changes nothing": config(runs={"variants": {"x": {"finetune": True}}}),
        "a key that is no text": config(runs={"variants": {1: {}}}),
        "a loss of images alone beside one of genes": config(pretrain={"loss": "simclr"}),
        "a key of another source": config(modalities={"rna": {"table": "own.tsv"}}),
        "labels of a source that is not chosen": config(labels={"table": "own.tsv"}),
        "a class with the name of another column": config(
            labels={"source": "table", "table": "own.tsv", "columns": {"classes": {"event": "Dead"}}}
        ),
        "a path that only a shell knows": config(modalities={"flair": {"archive": "~/archive.zip"}}),
        "a plugin that is not there": config(plugins=["nowhere.py"]),
        "a number beyond all measure": config(split={"folds": 10**18}),
        "a number that is none": config(pretrain={"temperature": float("nan")}),
        "a value that stands for a million": config(plugins=[[["x"] * 1000] * 1000]),
        "a path that the workflow would read otherwise": config(cohort={"sites": "a{b}.tsv"}),
        "a path that is an option": config(results="-x"),
        "a text with control characters": config(cohort={"exclude": ["P\0001"]}),
        "unknown modality": lambda _: modality("hearsay"),
        "tiles that an encoder was not trained on": config(
            modalities={"slides": {"source": "precomputed", "weights_of": "uni_v1", "tile_px": 512}}
        ),
        "a folder that the GDC does not read": config(modalities={"slides": {"source": "gdc", "folder": "scans"}}),
        "scans and slides, and who must have which is not said": config(
            modalities={"slides": {"folder": "s"}},
            labels={"source": "gdc"},
            cohort={"require": ["rna"]},
            runs={"image": ["flair", "slides"], "task": "classification", "target": "grade", "methods": ["mgi"]},
        ),
        "one image as a list": config(runs={"image": ["flair"]}),
        "an encoder without its weights": config(modalities={"slides": {"encoder": "timm:resnet18"}}),
    },
    "locks": {
        "lock of format 1": file("lock.json", {"kind": "images", "format": 1}, read_lock),
        "lock of another source": file(
            "lock.json",
            {"modality": "rna", "format": 3, "source": "gdc", "simulated": False, "items": []},
            lambda path: read_lock(path, source="matrix"),
        ),
        "empty lock": file("lock.json", "", read_lock),
        "nothing is chosen": lambda _: check_lock(rna_lock(profile("TCGA-CS-0001", chosen=False, reason="normal"))),
        "two items of a patient": lambda _: check_lock(
            rna_lock(profile("TCGA-CS-0001"), profile("TCGA-CS-0001", "01B"))
        ),
        "batch out of range": lambda _: batch_of([], "5-of-4"),
        "raw index of format 1": file("batch.json", {"kind": "images", "items": []}, read_raw_index),
        "edited lock": edited_lock,
        "lock without digests": file(
            "lock.json",
            {"modality": "rna", "format": 3, "source": "gdc", "simulated": False, "items": []},
            read_lock,
        ),
        "not JSON": file("status.json", "{", read_json),
        "edited JSON": edited,
        "edited table of scores": edited_table,
        "table of other scores": table_of_other_scores,
    },
    "http": {
        "unencrypted service": lambda _: open_service("http://example.org", connections=1, policy=RetryPolicy()),
        "an address without a scheme": lambda _: refuse_open_wire("api.gdc.cancer.gov"),
        "an address with a typo": config(modalities={"rna": {"base_url": "htps://api.gdc.cancer.gov"}}),
        "an address with a space": config(modalities={"flair": {"base_url": "https://nbia.example.org /v4"}}),
        "no connection": unreachable,
        "a header that drips": dripping_header,
        "a body that drips": dripping_body,
        "a listing without end": lambda _: Listing(label="GDC: files", limits=Limits(), clock=time.monotonic).go_on(
            200, 10**4000
        ),
        "two tokens": lambda _: gdc_credential({"MGI_GDC_TOKEN": "a", "MGI_GDC_TOKEN_FILE": "b"}),
        "token file that others can read": file(
            "token.txt", "secret", lambda path: path.chmod(0o640) or gdc_credential({"MGI_GDC_TOKEN_FILE": str(path)})
        ),
    },
}
