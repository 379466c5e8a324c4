"""Curves as pictures, drawn as the statistics pages draw theirs."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from bench.speed.figures import Curve
from service.web.dashboard.plots.lines import Line, Point, lines
from service.web.dashboard.plots.svg import Caption, Source

STYLE = """<style>
text{font:12px system-ui,sans-serif;fill:#333}
.line{fill:none;stroke:#1f5fa8;stroke-width:2}.dot{fill:#1f5fa8}
.s1 .line,.s1.line{stroke:#a8481f;stroke-dasharray:6 3}.s1 .dot{fill:#a8481f}
.s2 .line,.s2.line{stroke:#2f7d32;stroke-dasharray:2 3}.s2 .dot{fill:#2f7d32}
line{stroke:#ccc}text{stroke:none!important;fill:#333!important;font-weight:400}
</style><rect width="100%" height="100%" fill="#fff"/>"""


def draw(curve: Curve, folder: Path) -> Path:
    """Write a curve as `<key>.svg`."""
    top = _ceiling(max(max(series) for series in curve.series.values()))
    drawn = [
        Line(
            label=name,
            points=[
                Point(
                    step=at,
                    value=value,
                    source=Source(
                        row=at, values=[value], label=f"{name}, {curve.steps[at]:,}: {value:.2f}"
                    ),
                )
                for at, value in enumerate(series)
            ],
        )
        for name, series in curve.series.items()
    ]
    picture = lines(
        Caption(
            key=curve.key,
            title=curve.title,
            description=f"{curve.unit}, by {curve.along}",
        ),
        drawn,
        steps=[f"{each:,}" for each in curve.steps],
        ticks=[(top * part / 4, f"{top * part / 4:.3g}") for part in range(5)],
    )
    path = folder / f"{curve.key}.svg"
    written = str(picture).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, _, rest = written.partition("</desc>")
    path.write_text(f"{head}</desc>{Markup(STYLE)}{rest}\n", encoding="utf-8")  # noqa: S704 - ours
    return path


def _ceiling(value: float) -> float:
    """Return a round number above a value."""
    step = 10 ** (len(f"{int(value)}") - 1) if value >= 1 else 0.1
    return (int(value / step) + 1) * step
