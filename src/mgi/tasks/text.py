"""What the report says: names as people read them, numbers as text, rows by name, and the templates that print them."""

import math
from typing import Any

import jinja2
import pandas as pd

from mgi.core.run import (
    IMAGE,
    NO_GENES,
    NO_IMAGE,
    NO_PRETRAINING,
    NO_SCAN,
    NO_SLIDES,
    RANDOM_ID,
    SLIDES,
    apart,
)
from mgi.evaluation.expression_inputs import (
    ALONE,
    COHORT_MEAN,
    FURTHER_ALONE,
    IMAGE_LEFT_OUT,
    IMAGE_PERMUTED,
    LEFT_OUT,
    NOT_USED,
    NULL_TOKEN,
    OWN,
    PERMUTED,
)

NOTHING = "–"
METHODS = {
    "mgi": "MGI",
    "mgi-no-genes": "MGI without genes",
    "mgi-random-id": "MGI on random vectors",
    "mgi-no-pretraining": "MGI without pre-training",
    "mgi-no-image": "MGI without the image",
    f"mgi-{NO_SCAN}": "MGI without the scan",
    f"mgi-{NO_SLIDES}": "MGI without slides",
    "unet": "U-Net",
    "resunet": "ResU-Net",
    "attention_unet": "Attention U-Net",
    "deeplabv3plus": "DeepLabv3+",
    "nnunet": "nnU-Net",
    "empty-mask": "Predicting nothing",
}
SPLIT_UNITS = {"patient": "by patient", "slice": "by slice", "none": "nothing trained"}

EXPRESSION_INPUTS = {
    OWN: "own genes",
    PERMUTED: "another patient's genes",
    COHORT_MEAN: "mean genes of training",
    NULL_TOKEN: "null token",
    FURTHER_ALONE: "no expression, own further modalities",
    IMAGE_LEFT_OUT: "own genes, image left out",
    IMAGE_PERMUTED: "another patient's slide",
    f"{IMAGE}_{LEFT_OUT}": "own genes and slide, scan left out",
    f"{SLIDES}_{LEFT_OUT}": "own genes and scan, slide left out",
    f"{IMAGE}_{ALONE}": "scan alone",
    f"{SLIDES}_{ALONE}": "slide alone",
    f"{IMAGE}_{PERMUTED}": "another patient's scan",
    f"{SLIDES}_{PERMUTED}": "another patient's slide beside the scan",
    NOT_USED: "no genes",
}
CONDITIONS = {
    **EXPRESSION_INPUTS,
    RANDOM_ID: "retrained on random vectors",
    NO_GENES: "retrained without genes",
    NO_PRETRAINING: "own genes, no pre-training",
    NO_IMAGE: "retrained without the image",
    NO_SCAN: "retrained without the scan",
    NO_SLIDES: "retrained without slides",
}
"""Of the audit: inputs of one model, then controls."""


def method_name(label: str) -> str:
    """The printed name of a method; one that is not known keeps its own."""
    alone, together = apart(label)
    return f"{METHODS.get(alone, alone)}{', ensemble' if together else ''}"


def in_order(labels: list[str]) -> list[str]:
    """Known methods in their fixed order, then the others by name; ensembles after all that speak alone."""
    place = {label: number for number, label in enumerate(METHODS)}

    def key(label: str) -> tuple[bool, int, str]:
        alone, together = apart(label)
        return together, place.get(alone, len(place)), alone

    return sorted(set(labels), key=key)


def rows_by(table: pd.DataFrame, column: str) -> dict[str, dict[str, Any]]:
    """The rows of a table as plain values, by the name in one of its columns."""
    return {str(row[column]): {str(name): value for name, value in row.items()} for row in table.to_dict("records")}


def rows_by_input(results: pd.DataFrame) -> list[tuple[str, str, dict[str, dict[str, Any]]]]:
    """Each method and expression input in the order of print, with its results by definition."""
    cells = {
        (str(method), str(given)): rows_by(group, "definition")
        for (method, given), group in results.groupby(["method", "expression_input"])
    }
    order = [(label, given) for label in in_order([label for label, _ in cells]) for given in EXPRESSION_INPUTS]
    return [(*case, cells[case]) for case in order if case in cells]


def number(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """A rounded number with a true minus sign; a dash where it is undefined."""
    if math.isnan(value):
        return NOTHING
    return f"{value:{'+' if signed else ''},.{digits}f}".replace("-", "−")


def interval(low: float, high: float, *, signed: bool = False) -> str:
    """`low to high`, or a dash where there is no interval."""
    if math.isnan(low) or math.isnan(high):
        return NOTHING
    return f"{number(low, signed=signed)} to {number(high, signed=signed)}"


def volume(value: float) -> str:
    """A size: whole numbers from 100 on, else two digits that count."""
    return NOTHING if math.isnan(value) else f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def p_text(p: float) -> str:
    """A p value; below a thousandth only that is said."""
    return "< 0.001" if p < 0.001 else number(p)


def duration(seconds: float) -> str:
    """Seconds below a minute, then minutes, then hours."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def rendered(package: str, template: str, content: dict[str, Any]) -> str:
    """A package's template filled with values, which it prints by the functions and names here; HTML is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, ""),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, volume=volume, p_text=p_text, duration=duration, method_name=method_name)
    environment.globals.update(
        interval=interval, CONDITIONS=CONDITIONS, EXPRESSION_INPUTS=EXPRESSION_INPUTS, SPLIT_UNITS=SPLIT_UNITS
    )
    return environment.get_template(template).render(**content)
