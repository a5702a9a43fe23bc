"""From the outputs of a model to class probabilities: what the outputs are is checked on images, never assumed.

Pure functions over arrays; outputs are `[N, classes]`.
"""

from dataclasses import dataclass

import numpy as np

from explorer.errors import ModelError

AUTOMATIC, PROBABILITIES, LOGITS, LOG_PROBABILITIES = "automatic", "probabilities", "logits", "log-probabilities"
OUTPUTS = (AUTOMATIC, PROBABILITIES, LOGITS)

# how far a row of probabilities may be from a sum of 1; a softmax in bfloat16 rounds each of them by up to 0.4 %
TOLERANCE, SOFTMAX_TOLERANCE = 1e-3, 1e-2
ROUNDED = 1e-5
# what Keras's cross-entropy raises a probability to before it takes the logarithm
EPSILON = 1e-7
SIGMOIDS = frozenset({"sigmoid", "hard_sigmoid", "sparse_sigmoid"})


@dataclass(frozen=True)
class Ending:
    """What a model ends in: the activations that its outputs come from, in lower case, and the last layer in words.

    `keeps_sums` says that Keras's loss finds the sums that the last activation was given, and takes those.
    """

    activations: frozenset[str]
    words: str
    keeps_sums: bool = False

    def only(self, *names: str) -> bool:
        """Whether the outputs come from these activations and from nothing else."""
        return bool(self.activations) and self.activations <= set(names)


@dataclass(frozen=True)
class Reading:
    """What the outputs of a model are; `note` says why where that is no matter of course.

    `checked` says that the rows are non-negative and sum to 1, `from_sums` that the probabilities are the softmax of
    what the sigmoids at the end were given. `choices` are what a person may take them for.
    """

    kind: str
    checked: bool = False
    from_sums: bool = False
    note: str = ""
    choices: tuple[str, ...] = ()


def read(outputs: np.ndarray, ending: Ending, wanted: str, name: str) -> Reading:
    """What the outputs are: as wanted, or found out from their values and from what the model ends in.

    Raises `ModelError` where the values do not allow what is wanted.
    """
    sums = outputs.sum(axis=1, dtype=np.float64)
    positive = bool((outputs >= 0).all())
    if positive and np.abs(sums - 1).max() <= (SOFTMAX_TOLERANCE if ending.only("softmax") else TOLERANCE):
        if wanted == LOGITS:
            raise ModelError(
                f"outputs: those of {name!r} are probabilities (no row has a negative number and each sums to 1), so "
                "they cannot be read as logits; 'automatic' and 'probabilities' are allowed"
            )
        return Reading(PROBABILITIES, checked=True, note=_rounding(sums), choices=(PROBABILITIES,))
    if wanted == PROBABILITIES and not positive:
        raise ModelError(
            f"outputs: those of {name!r} go down to {outputs.min():.4g}, so they cannot be read as probabilities; "
            "'automatic' and 'logits' are allowed"
        )
    choices = (PROBABILITIES, LOGITS) if positive else (LOGITS,)
    found = _found_out(outputs, sums, ending, choices)
    if wanted == LOGITS:
        return Reading(LOGITS, note="they are read as logits, as chosen", choices=choices)
    if wanted == PROBABILITIES and found.kind != wanted:
        return Reading(wanted, note=f"they are read as probabilities, as chosen: {_DIVIDED}", choices=choices)
    return found


_DIVIDED = "each row is divided by its sum"


def _rounding(sums: np.ndarray) -> str:
    if np.abs(sums - 1).max() <= ROUNDED:
        return ""
    return f"they are probabilities that sum to {sums.min():.4f} to {sums.max():.4f} after rounding; {_DIVIDED}"


def _found_out(outputs: np.ndarray, sums: np.ndarray, ending: Ending, choices: tuple[str, ...]) -> Reading:
    tolerance = SOFTMAX_TOLERANCE if ending.only("log_softmax") else TOLERANCE
    if outputs.max() <= tolerance and np.abs(_log_sum_exp(outputs)).max() <= tolerance:
        note = "they are log-probabilities (their exponentials sum to 1), so the probabilities are their exponentials"
        return Reading(LOG_PROBABILITIES, note=note, choices=choices)
    if PROBABILITIES in choices:  # no number is negative
        if ending.only("softmax") and np.ptp(sums) <= SOFTMAX_TOLERANCE * sums.mean():
            note = f"they are probabilities times {sums.mean():.4g} (the model ends in {ending.words}); {_DIVIDED}"
            return Reading(PROBABILITIES, note=note, choices=choices)
        if ending.only("sigmoid") and ending.keeps_sums:
            note = (
                f"they are probabilities of each class on its own (the model ends in {ending.words}); as in Keras's "
                "loss, a softmax of what the sigmoids were given makes them sum to 1"
            )
            return Reading(PROBABILITIES, from_sums=True, note=note, choices=choices)
        if ending.only(*SIGMOIDS) and outputs.max() <= 1:
            note = f"they are probabilities of each class on its own (the model ends in {ending.words}); {_DIVIDED}"
            return Reading(PROBABILITIES, note=note, choices=choices)
        if ending.only("exponential"):
            note = f"they are exponentials that nothing sums to 1 (the model ends in {ending.words}); {_DIVIDED}"
            return Reading(PROBABILITIES, note=note, choices=choices)
    note = f"they do not sum to 1 and the model ends in {ending.words}, so they are read as logits: a softmax is taken"
    return Reading(LOGITS, note=note, choices=choices)


def probabilities(outputs: np.ndarray, reading: Reading) -> np.ndarray:
    """The class probabilities float32 `[..., classes]` that outputs `[..., classes]` stand for."""
    if reading.checked:
        divisor = outputs.sum(axis=-1, keepdims=True, dtype=np.float64) if reading.note else 1
        return (outputs / divisor).astype("float32")
    return np.exp(_log_probabilities(outputs, reading)).astype("float32")


def cross_entropies(outputs: np.ndarray, labels: np.ndarray, reading: Reading) -> np.ndarray:
    """The cross-entropy of each image, float32 `[N]`, as Keras's loss for integer labels gives it."""
    found = _log_probabilities(outputs, reading)
    return -found[np.arange(len(labels)), labels].astype("float32")


def _log_probabilities(outputs: np.ndarray, reading: Reading) -> np.ndarray:
    exact = outputs.astype(np.float64)
    if reading.from_sums:
        inside = np.clip(exact, np.finfo("float32").tiny, 1 - np.finfo("float32").epsneg)
        exact = np.log(inside) - np.log1p(-inside)
    elif reading.kind == PROBABILITIES:
        exact = np.log(np.maximum(exact, EPSILON))
    return exact - _log_sum_exp(exact)[..., None]


def _log_sum_exp(values: np.ndarray) -> np.ndarray:
    exact = values.astype(np.float64)
    highest = exact.max(axis=-1)
    return highest + np.log(np.exp(exact - highest[..., None]).sum(axis=-1))
