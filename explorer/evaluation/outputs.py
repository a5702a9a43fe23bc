"""Conversion of a model's outputs to class probabilities; their kind is checked on images, never assumed.

Pure functions over arrays; outputs are `[N, classes]`.
"""

from dataclasses import dataclass

import numpy as np

from explorer.errors import ModelError

AUTOMATIC, PROBABILITIES, LOGITS, LOG_PROBABILITIES = "automatic", "probabilities", "logits", "log-probabilities"
OUTPUTS = (AUTOMATIC, PROBABILITIES, LOGITS)

# allowed distance of a row's sum from 1; a softmax in bfloat16 rounds each probability by up to 0.4 %
TOLERANCE, SOFTMAX_TOLERANCE = 1e-3, 1e-2
ROUNDED = 1e-5
# Keras's cross-entropy clips probabilities to at least this
EPSILON = 1e-7
SIGMOIDS = frozenset({"sigmoid", "hard_sigmoid", "sparse_sigmoid"})


@dataclass(frozen=True)
class Ending:
    """The end of a model: the activations that its outputs come from, in lower case, and its last layer as text.

    `keeps_sums` says that Keras's loss finds and uses the inputs of the last activation.
    """

    activations: frozenset[str]
    text: str
    keeps_sums: bool = False

    def only(self, *names: str) -> bool:
        """Whether the outputs come from these activations and from nothing else."""
        return bool(self.activations) and self.activations <= set(names)


@dataclass(frozen=True)
class Reading:
    """How to read the outputs of a model; `note` gives the reason where it is not obvious.

    `checked` says that the rows are non-negative and sum to 1, `from_sums` that the probabilities are the softmax of
    the inputs of the final sigmoids. `choices` are the readings that a person may choose.
    """

    kind: str
    checked: bool = False
    from_sums: bool = False
    note: str = ""
    choices: tuple[str, ...] = ()


def read(outputs: np.ndarray, ending: Ending, wanted: str, name: str) -> Reading:
    """The reading of the outputs: as wanted, or inferred from their values and the end of the model.

    Raises `ModelError` where the values do not allow the wanted reading.
    """
    sums = outputs.sum(axis=1, dtype=np.float64)
    positive = bool((outputs >= 0).all())
    if positive and np.abs(sums - 1).max() <= (SOFTMAX_TOLERANCE if ending.only("softmax") else TOLERANCE):
        if wanted == LOGITS:
            raise ModelError(
                f"outputs: those of {name!r} are probabilities (no value is negative and each row sums to 1), so they "
                "cannot be read as logits; choose 'automatic' or 'probabilities'"
            )
        return Reading(PROBABILITIES, checked=True, note=_rounding(sums), choices=(PROBABILITIES,))
    if wanted == PROBABILITIES and not positive:
        raise ModelError(
            f"outputs: those of {name!r} go down to {outputs.min():.4g}, so they cannot be read as probabilities; "
            "choose 'automatic' or 'logits'"
        )
    choices = (PROBABILITIES, LOGITS) if positive else (LOGITS,)
    inferred = _inferred(outputs, sums, ending, choices)
    if wanted == LOGITS:
        return Reading(LOGITS, note="they are read as logits, as chosen", choices=choices)
    if wanted == PROBABILITIES and inferred.kind != wanted:
        return Reading(wanted, note=f"they are read as probabilities, as chosen: {_DIVIDED}", choices=choices)
    return inferred


_DIVIDED = "each row is divided by its sum"


def _rounding(sums: np.ndarray) -> str:
    if np.abs(sums - 1).max() <= ROUNDED:
        return ""
    return f"they are probabilities that sum to {sums.min():.4f} to {sums.max():.4f} after rounding; {_DIVIDED}"


def _inferred(outputs: np.ndarray, sums: np.ndarray, ending: Ending, choices: tuple[str, ...]) -> Reading:
    tolerance = SOFTMAX_TOLERANCE if ending.only("log_softmax") else TOLERANCE
    if outputs.max() <= tolerance and np.abs(_log_sum_exp(outputs)).max() <= tolerance:
        note = "they are log-probabilities (their exponentials sum to 1), so the probabilities are their exponentials"
        return Reading(LOG_PROBABILITIES, note=note, choices=choices)
    if PROBABILITIES in choices:  # no output is negative
        if ending.only("softmax") and np.ptp(sums) <= SOFTMAX_TOLERANCE * sums.mean():
            note = f"they are probabilities times {sums.mean():.4g} (the model ends in {ending.text}); {_DIVIDED}"
            return Reading(PROBABILITIES, note=note, choices=choices)
        if ending.only("sigmoid") and ending.keeps_sums:
            note = (
                f"they are independent probabilities of the classes (the model ends in {ending.text}); as in Keras's "
                "loss, a softmax of the inputs of the sigmoids makes them sum to 1"
            )
            return Reading(PROBABILITIES, from_sums=True, note=note, choices=choices)
        if ending.only(*SIGMOIDS) and outputs.max() <= 1:
            note = f"they are independent probabilities of the classes (the model ends in {ending.text}); {_DIVIDED}"
            return Reading(PROBABILITIES, note=note, choices=choices)
        if ending.only("sparsemax"):
            note = f"they are probabilities (the model ends in {ending.text}), but not every row sums to 1; {_DIVIDED}"
            return Reading(PROBABILITIES, note=note, choices=choices)
        if ending.only("exponential"):
            note = f"they are unnormalized exponentials (the model ends in {ending.text}); {_DIVIDED}"
            return Reading(PROBABILITIES, note=note, choices=choices)
    note = f"they do not sum to 1 and the model ends in {ending.text}, so they are read as logits: a softmax is applied"
    return Reading(LOGITS, note=note, choices=choices)


def probabilities(outputs: np.ndarray, reading: Reading) -> np.ndarray:
    """The class probabilities float32 `[..., classes]` of outputs `[..., classes]`."""
    if reading.checked:
        divisor = outputs.sum(axis=-1, keepdims=True, dtype=np.float64) if reading.note else 1
        return (outputs / divisor).astype("float32")
    return np.exp(_log_probabilities(outputs, reading)).astype("float32")


def cross_entropies(outputs: np.ndarray, labels: np.ndarray, reading: Reading) -> np.ndarray:
    """The cross-entropy of each image, float32 `[N]`, as in Keras's sparse categorical cross-entropy."""
    log_probabilities = _log_probabilities(outputs, reading)
    return -log_probabilities[np.arange(len(labels)), labels].astype("float32")


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
