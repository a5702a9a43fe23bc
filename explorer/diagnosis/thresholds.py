"""Thresholds of the rules, each with its meaning and its source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A limit, the quantity it applies to, and its source: a paper or the experiment that determined it."""

    value: float
    of: str
    source: str


_AUTOTRAINER = "AUTOTRAINER (Zhang et al., ICSE 2021)"
_SELU = "Klambauer et al. 2017, theorem 1, widened: "

LIMITS: dict[str, Threshold] = {
    # gradients
    "vanishing_ratio": Threshold(1e-3, "first layer's gradient / output layer's, below", _AUTOTRAINER),
    "vanishing_gradient": Threshold(1e-4, "first layer's gradient RMS, below", _AUTOTRAINER),
    "exploding_ratio": Threshold(70, "first layer's gradient / output layer's, above", _AUTOTRAINER),
    "exploding_gradient": Threshold(
        1e4,
        "product over the layers of 1 + gradient / weights, plain gradient descent, above",
        "Bernstein et al. 2020; on digits with SGD: ELU × 20 standardized 2e2, ELU × 40 1e6 and raw pixels 6e9",
    ),
    "exploding_step": Threshold(
        1.5,
        "the same with gradient × learning rate, above",
        "on digits with SGD: networks that learn have 0.6 and 1.1, those that diverge 2.6 and 4",
    ),
    "spike_factor": Threshold(
        2.5,
        "training loss / the larger of its earlier minimum and chance level, above",
        "the notebook's ELU: 2.0 at most",
    ),
    "recovered_factor": Threshold(1.1, "training loss / its earlier minimum, below: recovered", "the same runs"),
    # units
    "dead_units": Threshold(0.7, "share of a layer's units that are dead, at least: problem", _AUTOTRAINER),
    "many_dead_units": Threshold(0.4, "the same: warning", "20 ReLU layers with He normal have 0.23 before training"),
    "saturated_units": Threshold(
        0.6, "share of a layer's outputs near the limits, at least: problem", "tanh on digits"
    ),
    "many_saturated_units": Threshold(0.4, "the same: warning", "tanh on digits"),
    "saturated_by_inputs": Threshold(0.5, "the same in the first layer, with raw pixels", "tanh on raw digits: 0.75"),
    "stuck_accuracy": Threshold(0.05, "training accuracy above chance level, at most", "sigmoid × 20 on digits: 0.03"),
    "stuck_loss": Threshold(0.985, "training loss / chance level, at least", "sigmoid × 20 on digits: 1.00"),
    "stuck_epochs": Threshold(3, "epochs in a row", "the notebook's ELU on raw pixels needs 1"),
    "same_for_all": Threshold(0.01, "share of a layer's variance that is between images, below", "sigmoid × 20: 1e-4"),
    # the signal before training
    "signal_faded": Threshold(
        1e-10, "last / first layer's activation variance, below: problem", "ReLU × 20: random_normal 1e-17, stuck"
    ),
    "signal_fading": Threshold(1e-3, "the same: warning", "ReLU × 20: Glorot 2e-6, learns after one epoch; He 0.6"),
    "signal_growing": Threshold(1e3, "last / first layer's activation variance, above: warning", "mirror of fading"),
    "signal_grown": Threshold(1e10, "the same: problem", "mirror of faded"),
    "selu_low": Threshold(
        0.3, "a SELU layer's variance before training, below", _SELU + "[0.8, 1.5] holds for wide layers"
    ),
    "selu_high": Threshold(3.0, "the same, above", "SELU × 20 on standardized digits and CIFAR-10: 0.8 to 1.5"),
    "costly_start": Threshold(
        1.5, "first epoch's loss / chance level, above", "the notebook's ELU: 2.0 on raw pixels, 0.9 standardized"
    ),
    "small_batch": Threshold(8, "batch size with batch norm, at most: warning", "Wu & He 2018, figure 1"),
    "tiny_batch": Threshold(2, "the same: problem", "Wu & He 2018: the error is half as high again at 2"),
    # the learning rate
    "large_update": Threshold(0.01, "median step / weights, above: warning", "rule of thumb 1e-3 (Karpathy, CS231n)"),
    "huge_update": Threshold(
        0.02, "the same: problem unless the network has learned", "ELU × 5 on digits, Nadam: 0.02 at rate 0.03"
    ),
    "settled_epochs": Threshold(3, "epochs before a step counts as large", "two units on digits: 0.02, 0.01, 0.006"),
    "tiny_update": Threshold(1e-5, "median step / weights, below", "the notebook's ELU: 5e-5"),
    "slow_fall": Threshold(0.02, "fall of the training loss per epoch, below", "ELU × 5 on digits, 1e-7: 0.001"),
    "slope_epochs": Threshold(
        8, "number of epochs over which a slope is measured", "the presets on digits and CIFAR-10"
    ),
    "rising_share": Threshold(
        0.5, "share of these epochs in which the training loss rose, at least", "a falling curve: 0.1"
    ),
    "jumping_loss": Threshold(
        1.05,
        "largest / smallest training loss in these epochs, at least",
        "on digits: two units after levelling off 1.03; ReLU × 3 at rate 0.05 1.09, ELU × 3 at 0.01 2.7",
    ),
    # the curves
    "learnt_accuracy": Threshold(0.9, "training accuracy, at least: the network learns well", "the presets on digits"),
    "overfitting_epochs": Threshold(5, "epochs since the lowest validation loss, at least", "noise on CIFAR-10"),
    "overfitting_rise": Threshold(1.03, "validation loss / its minimum, at least: warning", "noise on CIFAR-10: 1.02"),
    "strong_overfitting_rise": Threshold(1.15, "the same: problem", "the notebook's SELU: 1.35; ELU: 1.07"),
    "strong_overfitting_epochs": Threshold(
        10, "epochs since the lowest validation loss, at least: problem", "noise on digits, 360 images: 5 epochs"
    ),
    "overfitting_fall": Threshold(0.97, "training loss / that of the best epoch, at most", "still learning"),
    "plateau_epochs": Threshold(
        10, "number of epochs over which a plateau is measured", "half the notebook's patience"
    ),
    "plateau_fall": Threshold(
        0.05, "fall of the training loss in these epochs, below", "the notebook's ELU: 0.06 or more"
    ),
    "plateau_gap": Threshold(1.3, "validation loss / training loss, at most", "two ReLU units on digits: 1.24"),
    "validation_better": Threshold(0.98, "validation loss / training loss, below", "noise between two epochs"),
    "validation_better_epochs": Threshold(3, "epochs in a row", "noise between two epochs"),
    "short_patience": Threshold(5, "patience, at most", "the notebook's ELU waits 8 epochs between two improvements"),
    "by_heart": Threshold(0.99, "training accuracy, above: nothing left to learn", "one layer on digits"),
    "still_falling": Threshold(0.01, "fall of the training loss during the patience, at least", "a plateau falls less"),
}


def limit(name: str) -> float:
    """The value of a threshold by its name."""
    return LIMITS[name].value
