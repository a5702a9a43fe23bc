"""Axes of whole numbers, such as epochs, layers and images: Vega puts ticks between them where there are only a few."""

import altair as alt


def whole_numbers(least: int | None = None, **options) -> alt.Axis:
    """An axis that labels whole numbers only, of at least `least`."""
    hidden = "datum.value % 1" + ("" if least is None else f" || datum.value < {least}")
    return alt.Axis(tickMinStep=1, format=",d", labelExpr=f"{hidden} ? '' : datum.label", **options)


EPOCH_AXIS = LAYER_AXIS = whole_numbers(grid=False)
