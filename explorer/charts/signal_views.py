"""How each signal of the layers is displayed: its label, its explanation, its axis and its tooltip."""

from dataclasses import dataclass

import altair as alt

PADDED = alt.Scale(nice=False, zero=False, padding=6)
LEGEND = alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3)


@dataclass(frozen=True)
class SignalView:
    """The display of a signal: its label, its explanation, its axis and its format."""

    label: str
    explanation: str
    logarithmic: bool = False
    diverging: bool = False
    share: bool = False

    @property
    def format(self) -> str:
        """The number format, in D3's syntax."""
        return ".0%" if self.share else "~g" if self.logarithmic else ".3~g"


SIGNAL_VIEWS: dict[str, SignalView] = {
    "gradient_rms": SignalView(
        "Gradient",
        "Root mean square of the loss gradient with respect to the layer's weights. A straight slope means that "
        "every layer multiplies it: it vanishes or explodes.",
        logarithmic=True,
    ),
    "activation_variance": SignalView(
        "Variance of activations",
        "Variance of the layer's activations. It should neither vanish nor explode with depth.",
        logarithmic=True,
    ),
    "activation_mean": SignalView(
        "Mean of activations",
        "Mean of the layer's activations; close to 0 is best for the next layer.",
        diverging=True,
    ),
    "dead": SignalView(
        "Dead units",
        "Share of units that are on a flat part of the activation for every probe input, and so get no gradient.",
        share=True,
    ),
    "saturated": SignalView(
        "Saturated values",
        "Share of values on a flat part of the activation. For ReLU these are the zeros: about half at initialization.",
        share=True,
    ),
    "update_ratio": SignalView(
        "Update ratio",
        "Change of the weights in one step, relative to their size. About 1/1,000 is typical.",
        logarithmic=True,
    ),
    "weight_norm": SignalView("Weight norm", "Euclidean norm of the layer's weights.", logarithmic=True),
    "variance_over_images": SignalView(
        "Variance between inputs",
        "How much a unit's value varies from input to input. Near 0, the layer responds the same way to every input.",
        logarithmic=True,
    ),
}


def value_axis(view: SignalView, title: str | None = "") -> alt.Y:
    """The y axis of a signal, titled with its label unless another title, or None, is given."""
    title = view.label if title == "" else title
    if view.logarithmic:
        return alt.Y("value:Q", title=title, axis=alt.Axis(format="~e", tickCount=6), scale=alt.Scale(type="log"))
    if view.share:
        return alt.Y("value:Q", title=title, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    return alt.Y("value:Q", title=title, axis=alt.Axis(format="~g"), scale=alt.Scale(zero=True))


def tooltip(view: SignalView) -> list[alt.Tooltip]:
    """The epoch, the layer and the value of a point."""
    number = ".1%" if view.share else ".3~g"
    return [
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("layer:N", title="layer"),
        alt.Tooltip("value:Q", title=view.label, format=number),
    ]
