"""Thresholds of the rules, each with its meaning and its source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A limit, the quantity it applies to, its source (a paper or an experiment), and the seeds that it was set on.

    Campaigns of injected faults (`explorer/benchmarks`) have seeds of their own; those from 1,000 on are for measuring.
    """

    value: float
    of: str
    source: str
    seeds: str = "runs of seed 1"


# values that no run of ours decided
PUBLISHED = "none: as published"
DEFINED = "none: by definition"
_AUTOTRAINER = "AUTOTRAINER (Zhang et al., ICSE 2021)"
_SELU = "Klambauer et al. 2017, theorem 1, widened: "

LIMITS: dict[str, Threshold] = {
    # gradients
    "vanishing_ratio": Threshold(1e-3, "first layer's gradient / output layer's, below", _AUTOTRAINER, PUBLISHED),
    "vanishing_gradient": Threshold(1e-4, "first layer's gradient RMS, below", _AUTOTRAINER, PUBLISHED),
    "fading_gradient": Threshold(
        0.05,
        "first layer's gradient / output layer's before training, squashing activations, below",
        "digits: sigmoid × 2 and × 3 0.007 to 0.03; healthy networks 0.12 and more",
        "campaigns of seeds 5 and 7",
    ),
    "fading_accuracy": Threshold(
        0.95, "training accuracy, below", "the same runs: 0.73 to 0.92; healthy ones 0.96", "campaigns of seeds 5 and 7"
    ),
    "exploding_ratio": Threshold(70, "first layer's gradient / output layer's, above", _AUTOTRAINER, PUBLISHED),
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
    "exploding_by_normalization": Threshold(
        30,
        "first layer's gradient / output layer's before training, with batch norm, above",
        "Yang et al. 2019; on digits with SGD and Nadam: ReLU × 20 7, leaky ReLU × 40 24 and tanh × 40 15 "
        "learn; ReLU × 28 34 is slow or does not, GELU × 40 92, SiLU × 40 153 and ReLU × 40 428 do not",
    ),
    "spike_factor": Threshold(
        2.5,
        "training loss / the larger of its earlier minimum and chance level, above",
        "the notebook's ELU: 2.0 at most",
    ),
    "recovered_factor": Threshold(1.1, "training loss / its earlier minimum, below: recovered", "the same runs"),
    # units
    "dead_units": Threshold(0.7, "share of a layer's units that are dead, at least: problem", _AUTOTRAINER, PUBLISHED),
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
    "signal_growing": Threshold(
        1e3, "last / first layer's activation variance, above: warning", "mirror of fading", DEFINED
    ),
    "signal_grown": Threshold(1e10, "the same: problem", "mirror of faded", DEFINED),
    "selu_low": Threshold(
        0.3, "a SELU layer's variance before training, below", _SELU + "[0.8, 1.5] holds for wide layers", PUBLISHED
    ),
    "selu_high": Threshold(3.0, "the same, above", "SELU × 20 on standardized digits and CIFAR-10: 0.8 to 1.5"),
    "costly_start": Threshold(
        1.5, "first epoch's loss / chance level, above", "the notebook's ELU: 2.0 on raw pixels, 0.9 standardized"
    ),
    "small_batch": Threshold(8, "batch size with batch norm, at most: warning", "Wu & He 2018, figure 1", PUBLISHED),
    "tiny_batch": Threshold(2, "the same: problem", "Wu & He 2018: the error is half as high again at 2", PUBLISHED),
    # regularization
    "ruling_penalty": Threshold(
        1.0,
        "L2 penalty / loss without it, at least",
        "ReLU × 3 on digits: 0.01 gives 10 and still learns (a note); 0.05 costs 5 points, 0.2 all of them",
    ),
    "ruling_at_start": Threshold(
        8.0, "L2 penalty before training / chance level, at least: warning", "the same runs: 3 with 0.01, 13 with 0.05"
    ),
    "shrunk_weights": Threshold(
        0.1, "squared weights / those before training, below", "the same runs: 0.01 leaves 0.2, 0.05 leaves 0.05"
    ),
    "grown_weights": Threshold(
        1.5,
        "the same, at most: the penalty is not a consequence of growing weights",
        "weights that diverge grow by 10 and more",
        "campaigns of seeds 1 to 8",
    ),
    "mild_penalty": Threshold(
        0.05, "suggested L2 penalty before training / chance level", "l2 0.0001 on digits", DEFINED
    ),
    "decayed_per_epoch": Threshold(
        0.1,
        "highest learning rate × weight decay × steps per epoch, at least",
        "15 epochs of digits with SGD: 0.1 costs SiLU × 6 16 points, ELU × 3 with batch norm 8, ReLU × 1 1",
        "runs of seed 21",
    ),
    "decayed_signal": Threshold(
        0.015,
        "√(squared weights / those before training) to the number of layers, at most, beside weight decay",
        "the same runs and CIFAR-10: 0.004 to 0.01 cost 4 to 16 points, 0.02 1 to 2, 0.1 and more 1 at most",
        "runs of seed 21",
    ),
    "decayed_within_an_epoch": Threshold(
        1.0,
        "the share above at which the weights need not have shrunk, at least: decay forgets what an epoch has taught",
        "the same runs: 0.8 costs 4 to 87 points, whatever the network",
        "runs of seed 21",
    ),
    "mild_decay": Threshold(0.02, "the same of a suggested weight decay", "the same runs"),
    "large_shift": Threshold(
        0.25,
        "largest shift / shorter side of the images, at least",
        "ReLU × 3 on digits, 15 and 40 epochs: 0.125 reaches 0.92 and 0.96, 0.25 0.67 and 0.83",
    ),
    "gentle_shift": Threshold(0.0625, "the same of a suggested shift, at most", "2 of 32 pixels in the README's table"),
    "strong_smoothing": Threshold(
        0.95,
        "label smoothing, at least",
        "the true class gets 0.145 of ten classes, another one 0.095; 1 leaves no difference",
        DEFINED,
    ),
    "kept_signal": Threshold(
        0.15,
        "(1 − dropout rate) to the number of layers that drop, at most",
        "digits: 0.43, 0.33, 0.17 (alpha) and 0.125 learn; 0.12 and 0.057 (alpha), 0.031 and 0.028 learn less",
    ),
    "gentle_signal": Threshold(
        0.6, "the same of a suggested rate", "alpha dropout 0.1 in 8 layers has 0.43 and learns"
    ),
    # clipping, schedules, batches
    "clipped_share": Threshold(0.9, "share of an epoch's steps that were clipped, at least", "SGD on digits"),
    "clipped_to": Threshold(
        0.3,
        "norm clipped to / norm of the gradient, at most",
        "ReLU × 5 with SGD 0.05 on digits: 0.8 at norm 0.1, 0.97 at 1",
    ),
    "usual_clipping": Threshold(
        1.0,
        "norm clipped to, below",
        "1 is what is suggested against explosion, and what campaigns' healthy networks have",
        "campaigns of seeds 1 to 8",
    ),
    "frozen_rate": Threshold(
        0.02, "learning rate / the one set, at most", "exponential decay: 1/50 after 1.7 decay epochs", DEFINED
    ),
    "frozen_epochs": Threshold(
        3, "epochs in a row with a frozen rate, at least", "the tail of a cosine is shorter", DEFINED
    ),
    "frozen_share": Threshold(
        0.4,
        "share of the epochs with a frozen rate, at least",
        "cosine: 0.1; 1cycle: 0.05; exponential over 2/3: 0",
        DEFINED,
    ),
    "giant_batch": Threshold(256, "batch size, at least", "the table of settings: 32 is the default", DEFINED),
    "few_steps": Threshold(200, "steps taken, at most", "ReLU × 5 on digits needs 100 to 200 for 90%"),
    "few_steps_per_epoch": Threshold(10, "steps per epoch, at most, where training goes well", "digits at 256: 6"),
    "few_steps_epochs": Threshold(3, "epochs before steps count as few", "one epoch of any network is few", DEFINED),
    "half_learnt": Threshold(0.5, "accuracy, below: problem", "digits"),
    "well_learnt_accuracy": Threshold(
        0.95,
        "validation accuracy, at least: no harm is seen",
        "digits: 0.97 without faults",
        "runs of seed 1, campaign of seed 31",
    ),
    "usual_update": Threshold(1e-3, "median step / weights that is usual", "Karpathy, CS231n", PUBLISHED),
    "little_movement": Threshold(
        0.5,
        "sum of all steps / weights over the run, below, where the training loss still falls at its end",
        "15 epochs of digits: healthy networks 0.3 to 5, SGD at the rate of Adam 0.02 to 0.31",
        "campaigns of seeds 5 and 7",
    ),
    "low_rate": Threshold(
        0.1,
        "learning rate (of 1cycle: its peak) / the usual one of the optimizer, at most: it is low",
        "15 epochs of digits: healthy networks 0.25 to 2, SGD at the rate of Adam 0.03 to 0.07",
        "campaign of seed 31",
    ),
    # how training goes
    "thriving_loss": Threshold(0.8, "training loss / chance level, at most: it learns", "tanh × 4 on CIFAR-10: 0.72"),
    "thriving_epochs": Threshold(5, "epochs over which the loss must fall", "noise between two epochs", DEFINED),
    "thriving_share": Threshold(0.75, "share of these in which it fell, at least", "a falling curve: 0.9"),
    "contradiction": Threshold(
        0.15, "training accuracy − validation accuracy, above", "digits: 0.03; batch norm with L2 0.1: 0.56"
    ),
    "fading_by_depth": Threshold(
        0.1,
        "last / first layer's activation variance with weights that suit, below, where training does not thrive",
        "on digits: SiLU × 20 0.06, learns; SiLU × 40 0.006, stuck; GELU × 40 0.06 and tanh × 40 0.03, slow",
    ),
    "faded_by_depth": Threshold(0.01, "the same, however well training goes", "the same runs"),
    "deep_layers": Threshold(20, "hidden layers, at least", "ReLU × 20 with He normal learns"),
    "large_values": Threshold(
        20, "variance of a layer before training, at least", "standardized: 1; raw digits: 49; raw CIFAR-10: 10⁴"
    ),
    "ruinous_start": Threshold(
        3.0, "latest loss / chance level, above: problem", "softmax regression on raw CIFAR-10: 10³"
    ),
    # the learning rate
    "large_update": Threshold(
        0.01, "median step / weights, above: warning", "rule of thumb 1e-3 (Karpathy, CS231n)", PUBLISHED
    ),
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
    "overfitting_accuracy": Threshold(
        0.15,
        "training accuracy above chance level, above",
        "SiLU × 40 with batch normalization on digits: 0.04",
        DEFINED,
    ),
    "overfitting_rise": Threshold(1.03, "validation loss / its minimum, at least: warning", "noise on CIFAR-10: 1.02"),
    "strong_overfitting_rise": Threshold(1.15, "the same: problem", "the notebook's SELU: 1.35; ELU: 1.07"),
    "strong_overfitting_epochs": Threshold(
        15,
        "epochs since the lowest validation loss, at least: more than a note",
        "on digits, 360 images, the loss of healthy networks rises for 10 epochs while their accuracy does not change",
    ),
    "overfitting_cost": Threshold(
        0.02,
        "validation accuracy at the lowest validation loss - the latest one, at most: no harm is seen",
        "digits, until early stopping: healthy networks that reach 0.97 lose 0.016 at most",
        "draws of seed 41",
    ),
    "overfitting_fall": Threshold(0.97, "training loss / that of the best epoch, at most", "still learning"),
    "narrow": Threshold(
        0.5,
        "width / classes, below: a bottleneck",
        "digits: 3 and 4 units reach 0.46 of 0.97",
        "campaigns of seeds 5 and 7",
    ),
    "narrow_epochs": Threshold(
        5, "epochs before a bottleneck counts as one", "healthy networks learn within 5", "campaigns of seeds 5 and 7"
    ),
    "plateau_epochs": Threshold(
        10, "number of epochs over which a plateau is measured", "half the notebook's patience", DEFINED
    ),
    "plateau_fall": Threshold(
        0.05, "fall of the training loss in these epochs, below", "the notebook's ELU: 0.06 or more"
    ),
    "plateau_gap": Threshold(1.3, "validation loss / training loss, at most", "two ReLU units on digits: 1.24"),
    "validation_better": Threshold(0.98, "validation loss / training loss, below", "noise between two epochs"),
    "validation_better_by": Threshold(
        0.005, "training loss - validation loss, at least", "below, both are 0 for a reader", DEFINED
    ),
    "validation_better_epochs": Threshold(3, "epochs in a row", "noise between two epochs"),
    "short_patience": Threshold(5, "patience, at most", "the notebook's ELU waits 8 epochs between two improvements"),
    "by_heart": Threshold(0.99, "training accuracy, above: nothing left to learn", "one layer on digits"),
    "still_falling": Threshold(0.01, "fall of the training loss during the patience, at least", "a plateau falls less"),
}


def limit(name: str) -> float:
    """The value of a threshold by its name."""
    return LIMITS[name].value
