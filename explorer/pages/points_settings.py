"""Draws the noise and the seed of points that are made by a rule; with others, it is another data set."""

from dataclasses import replace

import streamlit as st

from explorer.data import points
from explorer.pages import settings

_NOISE, _SEED = "points_noise", "points_seed"
NOISE_HELP = (
    "Standard deviation of the points around their curve, in a plane from -6 to 6. Larger values mix the classes."
)
SEED_HELP = "Another seed gives different points of the same distribution."


def draw(dataset: str) -> None:
    """Draws both for the data set of the sidebar, if it is made by a rule."""
    rule = points.rule_of(dataset)
    if rule is None:
        return
    st.session_state[_NOISE], st.session_state[_SEED] = rule.noise, rule.seed
    left, right = st.columns(2, gap="small")
    changed = {"on_change": _changed, "args": (rule,)}
    left.number_input("Noise", 0.0, points.MOST_NOISE, step=0.1, key=_NOISE, help=NOISE_HELP, **changed)
    right.number_input("Points seed", 0, points.MOST_SEED, step=1, key=_SEED, help=SEED_HELP, **changed)


def _changed(rule: points.Rule) -> None:
    hundredths = round(100 * st.session_state[_NOISE])
    settings.set_field("dataset", replace(rule, hundredths=hundredths, seed=st.session_state[_SEED]).name)
