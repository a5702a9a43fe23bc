"""The colours that mean something, the same on every page and in every chart.

On pages of one run a colour is a split. Where several runs are drawn, a colour is a run, none of them one of the two
splits' colours, and the splits are told apart by the line: validation solid, training dashed.
"""

from explorer.history import TRAINING, VALIDATION

# both stand out on white and on near-black, also for colour-blind eyes
SPLIT_COLORS = {TRAINING: "#3B82C4", VALIDATION: "#E07B24"}
SPLIT_DASHES = {VALIDATION: [1, 0], TRAINING: [5, 4]}
NEUTRAL = "#8A8F98"

# found by search: any two are as far apart as eight colours can be, also for eyes without red or green cones, and each
# stands out on white and on near-black
RUN_COLORS = ("#2F9B79", "#965EF8", "#ED391A", "#D2A408", "#4CABFD", "#944561", "#EF70C0", "#0B67A9")

# from worse to better: lighter step by step, so that it reads without hues too, and black text stands out on all of it
WORSE_TO_BETTER = ("#7A63DB", "#3A97B5", "#55B36B", "#D9B41E")
ON_COLOR = "#000000"
