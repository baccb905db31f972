"""No text of a figure is cut off at its edge."""

from collections.abc import Iterator
from typing import Any

import pytest
from matplotlib.figure import Figure


def cut_off(figure: Figure) -> list[str]:
    """Titles and labels of axes that do not lie within the figure."""
    figure.draw_without_rendering()  # it was saved at another resolution
    width, height = figure.bbox.width, figure.bbox.height
    texts = [
        text for axes in figure.axes for text in (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label)
    ]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text() and text.get_visible()]
    return [text for text, box in boxes if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1]


@pytest.fixture(autouse=True)
def every_text_is_whole(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looks at each figure that a test saves."""
    save, found = Figure.savefig, list[str]()

    def saved(figure: Figure, *args: Any, **options: Any) -> None:
        save(figure, *args, **options)
        found.extend(cut_off(figure))

    monkeypatch.setattr(Figure, "savefig", saved)
    yield
    assert found == []
