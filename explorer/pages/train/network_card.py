"""Draws the network that will be trained: a picture, its size, and the time per epoch."""

import streamlit as st

from explorer.config import FIELDS, OFF, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.pages import resources
from explorer.palette import SPLIT_COLORS
from explorer.runs import cost_estimate
from explorer.runs.progress import duration


def card(config: TrainingConfig | None) -> None:
    """Draws the card; None means that a setting is invalid."""
    with st.container(border=True):
        if config is None:
            st.markdown("A setting on the left is invalid; the error is shown beside it.")
            return
        spec = DATASETS[config.dataset]
        training, validation = spec.counts(config.validation_split)
        st.html(_picture(config))
        seconds, measured = cost_estimate.predicted_seconds(config, resources.store().list())
        source = "measured on this machine" if measured else "estimated"
        norm = "" if config.batch_norm == OFF else " with batch normalization"
        st.markdown(
            f"**{cost_estimate.parameters(config):,} parameters**{norm} · {spec.title}: {training:,} training and "
            f"{validation:,} validation images · **{_about(seconds)} per epoch** ({source})"
        )


def _picture(config: TrainingConfig) -> str:
    """HTML with the layers as bars, input on the left, and the same as text."""
    spec = DATASETS[config.dataset]
    color = SPLIT_COLORS["training"]
    height = 14 + 26 * min(1.0, config.width / 512)
    gap = 3 if config.depth <= 40 else 1
    bar = f'<i style="flex:1 1 0;max-width:14px;height:{height:.0f}px;background:{color};border-radius:2px"></i>'
    end = '<i style="flex:none;width:6px;height:{}px;background:currentColor;opacity:.45;border-radius:2px"></i>'
    layers = f"{config.depth} hidden layer{'' if config.depth == 1 else 's'} of {config.width:,} units"
    text = f"{layers}, {FIELDS['activation'].title(config.activation)}" if config.depth else "no hidden layers"
    return (
        f'<div role="img" aria-label="{spec.features:,} inputs, {text}, {spec.classes} classes" '
        'style="display:flex;align-items:center;gap:10px;white-space:nowrap">'
        f"<span>{spec.features:,} pixels</span>{end.format(44)}"
        f'<span style="display:flex;align-items:center;gap:{gap}px;flex:0 1 {config.depth * 17}px;min-width:0">'
        f"{bar * config.depth}</span>{end.format(18)}<span>{spec.classes} classes</span></div>"
        f'<div style="opacity:.75;font-size:.9rem;margin-top:4px">{text}</div>'
    )


def _about(seconds: float) -> str:
    return f"about {duration(seconds)}" if seconds >= 0.05 else "less than 0.1 s"
