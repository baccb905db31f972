"""Readers of what is known of patients: labels, predictions, vectors, attributions, probes and scans."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz.own import beside
from fuzz.target import on_disk
from fuzz.texts import Answers

Reader = Callable[[bytes, Any], Any]


def read_label_table(seeds: Path, scratch: Path) -> Reader:
    from fuzz.label_seeds import OF_TABLE
    from mgi.cohort.labels.settings import LabelSettings
    from mgi.cohort.labels.user_table import read_label_table

    chosen = LabelSettings.read(OF_TABLE)

    def call(path: Path) -> Any:
        labels = read_label_table(path, chosen)
        found = labels.beside(sorted(labels.patients))
        return found.rows, list(found.faults()), found.summary()

    return on_disk(scratch, call)


def read_patient_tables(seeds: Path, scratch: Path) -> Reader:
    from mgi.association.patient_table import read_feature_table, read_patient_table

    def call(path: Path) -> Any:
        table = read_patient_table(path, None, "--phenotypes")
        numbers = [table.numbers(name) for name in table.cells if table.is_numeric(name)]
        return numbers, read_feature_table(path).values.tobytes()

    return on_disk(scratch, call)


def read_cases(seeds: Path, scratch: Path) -> Reader:
    from mgi.cohort.labels.gdc_cases import PRIMARY_FIELD, cases_query, labels_of_cases
    from mgi.http.gdc_search import all_hits

    def read(data: bytes, note: Any) -> Any:
        query = cases_query("TCGA-LGG")
        hits = all_hits(Answers(data), "cases", query, id_field="case_id", optional=(PRIMARY_FIELD,))  # type: ignore[arg-type]
        found = {"cases": hits, "project": "TCGA-LGG", "release": "x", "simulated": True}
        return labels_of_cases(found, "GDC").patients

    return read


def read_kept_cases(seeds: Path, scratch: Path) -> Reader:
    from mgi.cohort.labels.gdc_cases import labels_of_cases, read_cases

    return on_disk(scratch, lambda path: labels_of_cases(read_cases(path), str(path)).patients)


def read_labels(seeds: Path, scratch: Path) -> Reader:
    from mgi.cohort.labels.file import read_labels

    def call(path: Path) -> Any:
        found = read_labels(path)
        return found.table.to_csv(), found.classes, found.source, found.endpoint, found.read_off

    return on_disk(scratch, call)


def read_predictions(seeds: Path, scratch: Path) -> Reader:
    from mgi.shards.parquet import run_in
    from mgi.tasks.classification import prediction_file as classes
    from mgi.tasks.patient_predictions import read_patients
    from mgi.tasks.survival import prediction_file as survival

    def call(path: Path) -> Any:
        schema = classes.PREDICTIONS if path.name.startswith("classes") else survival.PREDICTIONS
        return run_in(path), read_patients(path, schema)

    return on_disk(scratch, call)


def read_embeddings(seeds: Path, scratch: Path) -> Reader:
    from mgi.shards.embedding_file import read_embeddings

    def call(path: Path) -> Any:
        found = read_embeddings(path)
        vectors = {name: values.tobytes() for name, values in found.vectors.items()}
        return found.run, found.patient_ids, found.roles, vectors

    return on_disk(scratch, call)


def read_attributions(seeds: Path, scratch: Path) -> Reader:
    from mgi.explain.attribution_file import read_attributions

    def call(path: Path) -> Any:
        found = read_attributions(path)
        return found.run, found.gene_ids, found.gene_names, found.about, found.values.tobytes(), found.steps.tolist()

    return on_disk(scratch, call)


def read_out_of_fold(seeds: Path, scratch: Path) -> Reader:
    from mgi.probes.tables import PREDICTIONS
    from mgi.shards.parquet import read_table

    return on_disk(scratch, lambda path: read_table(path, PREDICTIONS).to_pylist())


def read_scan(name: str) -> Callable[[Path, Path], Reader]:
    """A reader of a scan of which one file is replaced."""

    def reader(seeds: Path, scratch: Path) -> Reader:
        from mgi.association.scan_file import read_scan

        def call(folder: Path) -> Any:
            found = read_scan(folder)
            return found.phenotypes, found.about, found.p.tobytes(), found.how, found.inflation.to_csv()

        return beside("scan", name, call, seeds, scratch)

    return reader
