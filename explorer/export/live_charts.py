"""Charts for an HTML report: pictures at first, and drawn by the bundled Vega-Lite where scripts run.

A reader on a phone often sees a file without its scripts; nothing is missing there but the tooltips.
"""

import base64
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from explorer.plain_text import to_json

if TYPE_CHECKING:
    import altair as alt

WIDTH = 520  # of the pictures; a live chart is as wide as its place
STYLE = """
figure { margin: 1rem 0 } figure img { width: 100%; background: white; border-radius: 6px }
figcaption { font-size: .9rem; opacity: .8 } .chart { width: 100% } .vega-embed { width: 100% }
"""

# `ast` evaluates expressions without eval, which the report's policy does not allow; level 1 logs
# errors, and not that a layer without rows has no extent
_DRAW = """
const specifications = JSON.parse(document.getElementById("charts").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const ink = dark ? "#d6d8dc" : "#31333f", grid = dark ? "#3a3d46" : "#e6e8ec";
const config = {
  background: null, view: {stroke: null}, title: {color: ink}, text: {color: ink},
  axis: {labelColor: ink, titleColor: ink, domainColor: grid, tickColor: grid, gridColor: grid},
  legend: {labelColor: ink, titleColor: ink},
};
for (const place of document.querySelectorAll("[data-chart]")) {
  const picture = place.firstElementChild, drawn = document.createElement("div");
  place.append(drawn);
  const options = {mode: "vega-lite", ast: true, actions: false, renderer: "svg", logLevel: 1, config};
  vegaEmbed(drawn, specifications[place.dataset.chart], options).then(() => picture.remove(), () => drawn.remove());
}
"""


class Charts:
    """The charts of one report, collected while its HTML is made."""

    def __init__(self) -> None:
        self._specifications: list[dict[str, Any]] = []

    def figure(self, chart: "alt.TopLevelMixin", alt_text: str, caption: str = "", *, live: bool = True) -> str:
        """A figure with the picture of a chart, to be replaced by the live one if `live`; texts are plain."""
        import vl_convert

        specification = chart.to_dict()
        fixed = {**specification, "width": WIDTH}
        picture = base64.b64encode(vl_convert.vegalite_to_svg(fixed).encode()).decode()
        drawn = ""
        if live:
            drawn = f' data-chart="{len(self._specifications)}"'
            self._specifications.append({**specification, "width": "container"})
        return (
            f'<figure><div class="chart"{drawn}>'
            f'<img src="data:image/svg+xml;base64,{picture}" alt="{escape(alt_text)}"></div>'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )

    def data(self) -> str:
        """The specifications of all charts as an element that is only read; empty without charts."""
        if not self._specifications:
            return ""
        text = to_json(self._specifications)  # NaN, as of a diverged loss, is not JSON
        for character in "<>&":  # nothing in it can end the element
            text = text.replace(character, f"\\u{ord(character):04x}")
        return f'<script type="application/json" id="charts">{text}</script>'

    def scripts(self) -> list[str]:
        """What draws the charts: the bundled Vega-Lite, whose last lines are ours."""
        return [_bundle()] if self._specifications else []


@lru_cache
def _bundle() -> str:
    import vl_convert

    return vl_convert.javascript_bundle(_DRAW)
