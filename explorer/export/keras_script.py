"""A run as a Keras script: plain text that needs only Keras, NumPy and scikit-learn, and nothing of this project.

The same settings give the same script on every machine. Where plain Keras can, it repeats the run: the same split,
initial weights, order of the images and learning rates; `differences` says where it cannot.
"""

import textwrap

from explorer.config import FIELDS, OFF, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.data.origin import Added
from explorer.export.keras_code import joined, sections
from explorer.plain_text import percent
from explorer.runs import cost_estimate
from explorer.runs.history import RULES, EpochRecord

INSTALL = "pip install keras tensorflow numpy scikit-learn"


def keras_script(config: TrainingConfig, run: str = "", best: EpochRecord | None = None) -> str:
    """The script of a configuration; `run` is the name of its run and `best` its best epoch, for the docstring."""
    paragraph = textwrap.fill(introduction(config, run, best), 118)
    blocks = [f'"""{headline(config)}\n\n{paragraph}\n\nNeeds: {INSTALL}\n"""']
    for section in sections(config):
        titles = [f"--- {section.title} ---"] if section.title else []
        comments = "".join(f"# {line}\n" for line in (*titles, *textwrap.wrap(section.explanation, 118)))
        first, *others = section.blocks
        blocks += [comments + first.strip("\n"), *others]
    return joined(blocks) + "\n"


def headline(config: TrainingConfig) -> str:
    """One line that says what is trained, and how."""
    return f"{network(config)}, trained with plain Keras."


def network(config: TrainingConfig) -> str:
    """What is trained, in a few words: data set, depth and width, activation."""
    layers, activation = cost_estimate.hidden_layers(config), FIELDS["activation"].title(config.activation)
    return f"{DATASETS[config.dataset].title}: {layers}, activation {activation}"


def result(config: TrainingConfig, best: EpochRecord) -> str:
    """The result of a run as a sentence that says how it was selected, over how many images and seeds."""
    return (
        f"{percent(best.val_accuracy)} validation accuracy (validation loss {best.val_loss:.4f}) at epoch "
        f"{best.epoch}, {RULES['val_loss'].criterion}; {cost_estimate.validation_words(config)}, one seed."
    )


def differences(config: TrainingConfig) -> list[str]:
    """Sentences on what a run of the script does differently from the explorer; empty where the numbers agree."""
    if config.dropout == OFF or not config.dropout_rate:
        return []
    return ["Keras's dropout layers draw different random numbers, so different units are dropped."]


def introduction(config: TrainingConfig, run: str, best: EpochRecord | None) -> str:
    """Sentences on where the script comes from, what the run reached, and how far its numbers are repeated."""
    text = [f"The settings are those of the run {plain_name(run)}."] if run else []
    text += [f"It reached {result(config, best)}"] if best else []
    spec = DATASETS[config.dataset]
    if isinstance(spec.origin, Added):
        given = spec.origin.given
        text += [f"It reads {given}.npz in the current folder, which `python -m explorer data save {given}` writes."]
    text += [f"Split, initial weights, order of the {spec.noun} and learning rates are those of the explorer."]
    if differing := differences(config):
        return " ".join([*text, *differing, "Its curves are therefore similar, not equal."])
    text += ["With Keras's TensorFlow backend, the losses of the first steps are therefore equal."]
    return " ".join([*text, "Rounding errors grow with every step, so later epochs are similar."])


def plain_name(name: str) -> str:
    """A name that ends neither a comment nor a string, whatever it contains."""
    return "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "?" for c in name)[:120]
