"""Colours with a meaning, the same on every page and in every chart.

On pages of one run a colour is a split. In charts of several runs a colour is a run, never one of the two splits'
colours, and the splits differ by their line: validation solid, training dashed.
"""

from explorer.runs.history import TRAINING, VALIDATION

# both are visible on white and on near-black, also with colour blindness
SPLIT_COLORS = {TRAINING: "#3B82C4", VALIDATION: "#E07B24"}
SPLIT_DASHES = {VALIDATION: [1, 0], TRAINING: [5, 4]}
NEUTRAL = "#8A8F98"

# optimized: any two are as far apart as eight colours can be, also with red-green colour blindness, and each is visible
# on white and on near-black
RUN_COLORS = ("#2F9B79", "#965EF8", "#ED391A", "#D2A408", "#4CABFD", "#944561", "#EF70C0", "#0B67A9")

# from worse to better, with increasing lightness, so that it reads without hues; black text is legible on all of it
WORSE_TO_BETTER = ("#7A63DB", "#3A97B5", "#55B36B", "#D9B41E")
ON_COLOR = "#000000"

# a run and its twin with one setting changed: two runs
TWIN_COLORS = RUN_COLORS[:2]
# one layer or epoch highlighted among others; what it is compared with is neutral
LAYER = "#2A9D8F"
# from small to large, and from negative to positive; lighter ends would vanish on white, darker ones on black
SEQUENTIAL = ("#46327E", "#365C8D", "#277F8E", "#1FA187", "#4AC16D", "#A0DA39", "#E9D51D")
DIVERGING = ("#2C6BB3", "#7FA9D6", "#B9BDC4", "#E3A565", "#C95F10")
# two classes of points, and how probable the second one is
CLASS_COLORS = DIVERGING[0], DIVERGING[-1]
CLASS_SHADES = ("#7FA9D6", "#A9C3DF", "#EDEDED", "#EBC29A", "#E3A565")
# severity of a finding, with the colour names of Streamlit's badges
SEVERITY_COLORS = {"problem": "red", "warning": "orange", "note": "blue"}
# teal and magenta: distinct also with colour blindness, and unlike the splits' colours
RIGHT_COLOR, WRONG_COLOR = "#1D9A8A", "#C2437F"

# three shades of one colour for metrics that are read together, all visible on white and on near-black
SHADES = ("#9CC5E6", "#4C8BC9", "#2F6298")
