"""The colours that mean something, the same on every page and in every chart."""

from explorer.history import TRAINING, VALIDATION

# both stand out on white and on near-black, also for colour-blind eyes
SPLIT_COLORS = {TRAINING: "#3B82C4", VALIDATION: "#E07B24"}
NEUTRAL = "#8A8F98"
