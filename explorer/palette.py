"""The colours that mean something, the same on every page and in every chart."""

from explorer.history import TRAINING, VALIDATION

# both stand out on white and on near-black, also for colour-blind eyes
SPLIT_COLORS = {TRAINING: "#3B82C4", VALIDATION: "#E07B24"}
NEUTRAL = "#8A8F98"

# a run and its twin with one setting changed
TWIN_COLORS = ("#3B82C4", "#C2508F")
# one layer or one epoch picked out of many; what it is compared with is neutral
LAYER = "#2A9D8F"
# from small to large, and from below zero to above: light ends would vanish on white, dark ones on black
SEQUENTIAL = ("#46327E", "#365C8D", "#277F8E", "#1FA187", "#4AC16D", "#A0DA39", "#E9D51D")
DIVERGING = ("#2C6BB3", "#7FA9D6", "#B9BDC4", "#E3A565", "#C95F10")
# how grave a finding is, as Streamlit's own badges name their colours
SEVERITY_COLORS = {"problem": "red", "warning": "orange", "note": "blue"}
