"""The colours that mean something, the same on every page and in every chart."""

from explorer.history import TRAINING, VALIDATION

# both stand out on white and on near-black, also for colour-blind eyes
SPLIT_COLORS = {TRAINING: "#3B82C4", VALIDATION: "#E07B24"}
NEUTRAL = "#8A8F98"

# teal against magenta: told apart by colour-blind eyes as well, and by none mistaken for a split
RIGHT_COLOR, WRONG_COLOR = "#1D9A8A", "#C2437F"
