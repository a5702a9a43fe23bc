"""Draws the network that will be trained: a picture, its size, and the time per epoch."""

from collections.abc import Sequence

import streamlit as st

from explorer.config import FIELDS, OFF, TrainingConfig
from explorer.data.datasets import DATASETS, DatasetSpec
from explorer.palette import SPLIT_COLORS
from explorer.runs import cost_estimate
from explorer.runs.progress import duration
from explorer.runs.run_summary import RunSummary


def card(config: TrainingConfig | None, listing: Sequence[RunSummary]) -> None:
    """Draws the card; None means that a setting is invalid. `listing` holds the runs that times are measured from."""
    with st.container(border=True):
        if config is None:
            st.markdown("A setting is invalid; the error is shown beside it.")
            return
        spec = DATASETS[config.dataset]
        training, validation = spec.counts(config.validation_split)
        st.html(_picture(config))
        seconds, measured = cost_estimate.predicted_seconds(config, listing)
        source = "measured on this machine" if measured else "estimated"
        norm = "" if config.batch_norm == OFF else " with batch normalization"
        st.markdown(
            f"**{cost_estimate.parameters(config):,} parameters**{norm} · {spec.title}: {training:,} training and "
            f"{validation:,} validation {spec.noun} · **{_about(seconds)} per epoch** ({source})"
        )


def _inputs(spec: DatasetSpec) -> str:
    """The inputs as the product of the image's sides, such as 32 × 32 × 3 = 3,072 inputs."""
    sides = " × ".join(f"{side:d}" for side in spec.image_shape)
    return f"{sides} = {spec.features:,} inputs" if len(spec.image_shape) > 1 else f"{spec.features:,} inputs"


def _picture(config: TrainingConfig) -> str:
    """HTML with the layers as bars, input on the left, and the same as text."""
    spec = DATASETS[config.dataset]
    color = SPLIT_COLORS["training"]
    gap = 3 if config.depth <= 40 else 1
    bar = '<i style="flex:1 1 0;max-width:14px;height:{:.0f}px;background:{};border-radius:2px"></i>'
    heights = [14 + 26 * min(1.0, units / 512) for units in cost_estimate.layer_sizes(config)[1:-1]]
    bars = "".join(bar.format(height, color) for height in heights)
    end = '<i style="flex:none;width:6px;height:{}px;background:currentColor;opacity:.45;border-radius:2px"></i>'
    text = (
        f"{cost_estimate.hidden_layers(config)}, {FIELDS['activation'].title(config.activation)}"
        if config.depth
        else "no hidden layers"
    )
    return (
        f'<div role="img" aria-label="{_inputs(spec)}, {text}, {spec.classes} classes" '
        'style="display:flex;align-items:center;gap:10px;white-space:nowrap">'
        f"<span>{_inputs(spec)}</span>{end.format(44)}"
        f'<span style="display:flex;align-items:center;gap:{gap}px;flex:0 1 {config.depth * 17}px;min-width:0">'
        f"{bars}</span>{end.format(18)}<span>{spec.classes} classes</span></div>"
        f'<div style="opacity:.75;font-size:.9rem;margin-top:4px">{text}</div>'
    )


def _about(seconds: float) -> str:
    return f"about {duration(seconds)}" if seconds >= 0.05 else "less than 0.1 s"
