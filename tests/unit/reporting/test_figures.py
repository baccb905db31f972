import base64
import math

import pandas as pd
import pytest

from mgi.evaluation.cohort_tables import AUDIT_COLUMNS, RESULT_COLUMNS
from mgi.reporting.figures import audit_figure, curves_figure
from mgi.reporting.results import RunCurve
from mgi.tasks.drawing import ORANGE, as_data_uri, new_figure, patients_figure


def decoded(uri: str) -> bytes:
    return base64.b64decode(uri.split(",", 1)[1])


@pytest.mark.parametrize(("raster", "kind"), [(True, "image/png"), (False, "image/svg+xml")])
def test_a_watermark_changes_the_figure_and_nothing_else_does(raster: bool, kind: str) -> None:
    plain, again, marked = (as_data_uri(new_figure(1), simulated=s, raster=raster) for s in (False, False, True))
    assert plain == again
    assert plain != marked
    assert plain.startswith(f"data:{kind};base64,")


def test_patients_are_drawn_per_method_even_where_one_was_not_tested() -> None:
    patients = pd.DataFrame(
        [("mgi", "own", "A", 0.9), ("mgi", "own", "B", 0.7), ("unet", "not_used", "A", 0.5)],
        columns=["method", "expression_input", "patient_id", "volume"],
    )
    dice = pd.DataFrame(
        [
            ("segmentation", "mgi", "own", "volume", 0.8, 0.8, 0.75, 0.85, 0.7, 0.9, 2),
            ("segmentation", "unet", "not_used", "volume", 0.5, 0.5, 0.5, 0.5, math.nan, math.nan, 1),
        ],
        columns=RESULT_COLUMNS,
    )
    assert b"<svg" in decoded(patients_figure(patients, dice, "volume", "Dice", simulated=True))


def test_curves_without_points_draw_nothing() -> None:
    empty = RunCurve("a", "unet", pd.DataFrame())
    assert curves_figure([], [], simulated=False) is None
    assert curves_figure([empty], [("Dice", "dice")], simulated=False) is None


def test_a_run_of_one_point_is_still_seen() -> None:
    points = pd.DataFrame([{"step": 0, "loss": 1.0}])
    figure = curves_figure([RunCurve("a", None, points)], [], simulated=False)
    assert figure is not None
    assert b"<svg" in decoded(figure)


@pytest.mark.parametrize(
    ("field", "chance"), [("loss_above_min", "chance_loss_above_min"), ("mean_rank", "chance_rank")]
)
def test_pre_training_stands_beside_chance(field, chance) -> None:
    points = pd.DataFrame([{"step": step, field: 3.0} for step in (0, 1)])
    with_chance = points.assign(**{chance: 2.5})
    dashed = [
        b"stroke-dasharray" in decoded(curves_figure([RunCurve("a", None, one)], [], simulated=False) or "")
        for one in (points, with_chance)
    ]
    assert dashed == [False, True]


def test_several_kinds_of_pre_training_are_told_apart_and_several_folds_of_one_are_not() -> None:
    points = pd.DataFrame([{"step": step, "loss": 3.0} for step in (0, 1)])

    def drawn(*keys: str) -> str:
        curves = [RunCurve(key, None, points) for key in keys]
        return decoded(curves_figure(curves, [], simulated=False) or "").decode()

    alike = drawn("pretrain-fold0-seed0", "pretrain-fold1-seed0")
    apart = drawn("pretrain-fold0-seed0", "pretrain-simclr-fold0-seed0")
    assert ORANGE.lower() in apart
    assert ORANGE.lower() not in alike
    assert "<!-- pretrain-simclr -->" in apart
    assert "<!-- pretrain -->" not in alike


def test_an_audit_of_real_genes_alone_has_no_figure() -> None:
    audit = pd.DataFrame([("own", 0.8, math.nan, 0.7, 0.9, 5)], columns=AUDIT_COLUMNS)
    assert audit_figure(audit, "Dice", simulated=False) is None
    both = pd.concat([audit, pd.DataFrame([("permuted", 0.7, 0.1, -0.1, 0.2, 5)], columns=AUDIT_COLUMNS)])
    assert audit_figure(both, "Dice", simulated=False) is not None
