"""Every figure of the report, for its page and as files."""

import base64
from collections.abc import Mapping
from pathlib import Path

from mgi.core.files import atomic_path
from mgi.reporting import figures
from mgi.reporting.results import Results


def draw_all(results: Results) -> dict[str, str | None]:
    """The figures as `data:` addresses, None where there is nothing to draw; simulated results are marked on each."""
    marked = {"simulated": results.simulated}
    reporting = results.reporting
    return {
        **results.section.figures,
        "curves": figures.curves_figure(results.curves, reporting.curves, **marked),
        "audit": figures.audit_figure(results.audit, reporting.score_name, **marked),
    }


def write_figures(drawn: Mapping[str, str | None], folder: Path) -> None:
    """Write `<name>.svg`, or `.png` for pictures, for each figure that was drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, address in drawn.items():
        if address is None:
            continue
        kind, _, content = address.partition(";base64,")
        suffix = "png" if kind.endswith("png") else "svg"
        with atomic_path(folder / f"{name}.{suffix}") as part:
            part.write_bytes(base64.b64decode(content))
