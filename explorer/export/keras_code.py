"""The Keras code of a configuration, in sections: the data, the network, training and evaluation."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from explorer.config import (
    CONSTANT,
    COSINE,
    EXPONENTIAL,
    FIELDS,
    OFF,
    ONE_CYCLE,
    PLATEAU,
    STANDARDIZED,
    TrainingConfig,
)
from explorer.data.datasets import DATASETS
from explorer.data.split import BOOK
from explorer.export import keras_batches, keras_network

OPTIMIZERS = {
    "nadam": "Nadam(learning_rate={rate}{more})",
    "adam": "Adam(learning_rate={rate}{more})",
    "adamw": "AdamW(learning_rate={rate}{more})",
    "rmsprop": "RMSprop(learning_rate={rate}{more})",
    "sgd": "SGD(learning_rate={rate}{more})",
    "momentum": "SGD(learning_rate={rate}, momentum=0.9{more})",
    "nesterov": "SGD(learning_rate={rate}, momentum=0.9, nesterov=True{more})",
}


@dataclass(frozen=True)
class Section:
    """A part of the script: its title, a sentence about it, and its code in blocks that blank lines set apart."""

    title: str
    explanation: str
    blocks: tuple[str, ...]

    @property
    def code(self) -> str:
        """The code alone."""
        return joined(self.blocks)


def sections(config: TrainingConfig) -> list[Section]:
    """The parts of the script in their order; together they are the whole program."""
    return [
        Section("", "", (_imports(config), _settings(config))),
        Section("Data", _about_data(config), _data(config)),
        Section("Network", keras_network.explanation(config), keras_network.network(config)),
        Section("Training", _about_training(config), _training(config)),
        Section(
            "Evaluation", "The weights are those of the epoch with the lowest validation loss.", _evaluation(config)
        ),
    ]


def joined(blocks: Iterable[str]) -> str:
    """The blocks as a formatter would leave them: two blank lines around a function or class, else one."""
    text, was_definition = "", False
    for block in blocks:
        is_definition = bool(re.search("^(def|class) ", block, re.MULTILINE))
        blank = "\n\n\n" if is_definition or was_definition else "\n\n"
        text += blank * bool(text) + block.strip("\n")
        was_definition = is_definition
    return text


# --- settings and data ------------------------------------------------------------------------------------


def _imports(config: TrainingConfig) -> str:
    lines = ["from hashlib import sha256", "", "import keras", "import numpy as np", "from keras import layers"]
    lines += _loading(config)[0]
    if config.validation_split != BOOK:
        lines.append("from sklearn.model_selection import train_test_split")
    if config.input_scaling == STANDARDIZED:
        lines.append("from sklearn.preprocessing import StandardScaler")
    return "\n".join(lines)


def _loading(config: TrainingConfig) -> tuple[list[str], str]:
    """The lines that import what loads the data set, and the code that does."""
    lines = DATASETS[config.dataset].loading.strip().splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    return imports, "\n".join(line for line in lines if line not in imports).strip()


def _settings(config: TrainingConfig) -> str:
    lines = [
        f"SEED = {config.seed}",
        f"DEPTH, WIDTH = {config.depth}, {config.width}",
        f"LEARNING_RATE = {config.learning_rate!r}",
        f"BATCH_SIZE = {config.batch_size}",
        f"EPOCHS, PATIENCE = {config.epochs}, {config.patience}",
    ]
    if config.dropout != OFF:
        lines.append(f"DROPOUT = {config.dropout_rate!r}")
    return "\n".join([*lines, *keras_batches.constants(config)])


def _about_data(config: TrainingConfig) -> str:
    held = "The first tenth" if config.validation_split == BOOK else "A random fifth"
    return f"{held} of the labelled {DATASETS[config.dataset].noun} is for validation."


_TENTH = """
tenth = len(x) // 10
x_val, y_val, x_train, y_train = x[:tenth], y[:tenth], x[tenth:], y[tenth:]"""
_FIFTH = """
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=42)"""
_STEPS = """
STEPS = int(np.ceil(len(x_train) / BATCH_SIZE))  # per epoch"""
_ONE_HOT = """
y_train, y_val = (keras.utils.to_categorical(labels, {classes}) for labels in (y_train, y_val))"""


def _data(config: TrainingConfig) -> tuple[str, ...]:
    split = _TENTH if config.validation_split == BOOK else _FIFTH
    spec = DATASETS[config.dataset]
    one_hot = _ONE_HOT.format(classes=spec.classes) * keras_batches.has_shares(config)
    return _loading(config)[1] + split + one_hot + _STEPS, keras_batches.batches(config, spec.image_shape)


# --- training and evaluation ------------------------------------------------------------------------------

_FIT = """
history = model.fit(
    batches(),
    steps_per_epoch=STEPS,
    epochs=EPOCHS,
    validation_data=(x_val, y_val),
    validation_batch_size=500,
    callbacks=[{callbacks}],
    verbose=2,
)
model.save("best.keras")"""
_ONE_CYCLE = '''
def set_rate(batch, logs):
    """Sets the rate before every step: a straight line up, another one down, and a last tenth far below."""
    total = EPOCHS * STEPS
    half = (total - (total // 10 + 1)) // 2
    factor = np.interp(int(optimizer.iterations), [0, half, 2 * half, total], [1, {peak}, 1, {final}])
    optimizer.learning_rate = LEARNING_RATE * float(factor)'''
_COSINE = '''
def set_rate(batch, logs):
    """Sets the rate before every step: a linear warm-up, then half a cosine down to the final rate at the last step."""
    step, warm, last, final = int(optimizer.iterations), {warm} * STEPS, EPOCHS * STEPS - 1, {final}
    along = min(1, (step - warm) / max(1, last - warm))
    cosine = final + (1 - final) * (1 + np.cos(np.pi * along)) / 2
    optimizer.learning_rate = LEARNING_RATE * float((step + 1) / warm if step < warm else cosine)'''


def _about_training(config: TrainingConfig) -> str:
    return f"The schedule of the learning rate: {FIELDS['schedule'].title(config.schedule)}."


def _training(config: TrainingConfig) -> tuple[str, ...]:
    before, rate, callback = _schedule(config)
    lines = [
        f"optimizer = {optimizer(config, rate)}",
        f'model.compile(loss={loss(config)}, optimizer=optimizer, metrics=["accuracy"])',
        "stopping = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)",
        *([f"scheduler = {callback}"] if callback else []),
    ]
    callbacks = ["stopping", "keras.callbacks.TerminateOnNaN()", *(["scheduler"] if callback else [])]
    return *before, "\n".join(lines) + _FIT.replace("{callbacks}", ", ".join(callbacks))


def optimizer(config: TrainingConfig, rate: str) -> str:
    """The code of the optimizer, whose learning rate is the code `rate`."""
    more = f", weight_decay={config.weight_decay!r}" if config.weight_decay else ""
    more += f", global_clipnorm={config.clip_norm!r}" if config.clip_norm else ""
    return f"keras.optimizers.{OPTIMIZERS[config.optimizer].format(rate=rate, more=more)}"


def loss(config: TrainingConfig) -> str:
    """The code of the loss."""
    if config.label_smoothing:
        return f"keras.losses.CategoricalCrossentropy(label_smoothing={config.label_smoothing!r})"
    return '"categorical_crossentropy"' if keras_batches.has_shares(config) else '"sparse_categorical_crossentropy"'


def _schedule(config: TrainingConfig) -> tuple[tuple[str, ...], str, str]:
    """The code before the optimizer, the learning rate of the optimizer, and the callback of the schedule."""
    if config.schedule == CONSTANT:
        return (), "LEARNING_RATE", ""
    if config.schedule == EXPONENTIAL:
        decay = f"ExponentialDecay(LEARNING_RATE, {config.decay_epochs} * STEPS, decay_rate=0.1)"
        return (f"schedule = keras.optimizers.schedules.{decay}",), "schedule", ""
    if config.schedule == PLATEAU:
        plateau = f"ReduceLROnPlateau(patience={config.plateau_patience}, factor={config.plateau_factor!r})"
        return (), "LEARNING_RATE", f"keras.callbacks.{plateau}"
    shape = {ONE_CYCLE: _ONE_CYCLE, COSINE: _COSINE}[config.schedule]
    values = {"peak": config.peak_factor, "final": config.final_share, "warm": config.warmup_epochs}
    return (
        (shape.format(**values),),
        "LEARNING_RATE",
        "keras.callbacks.LambdaCallback(on_train_batch_begin=set_rate)",
    )


_EVALUATION = """
loss, accuracy = model.evaluate(x_val, y_val, batch_size=500, verbose=0)
print(f"validation loss {loss:.4f}, validation accuracy {accuracy:.2%} on {len(x_val):,} images")"""
_TEST = """
# Keep the test {noun} for the very end: evaluate on them once, when nothing will change any more.
# print(model.evaluate(x_test, {labels}, batch_size=500, verbose=0))"""


def _evaluation(config: TrainingConfig) -> tuple[str, ...]:
    spec = DATASETS[config.dataset]
    evaluation = _EVALUATION.replace("images", spec.noun)
    if not spec.test_images:
        return (evaluation,)
    one_hot = keras_batches.has_shares(config)
    labels = f"keras.utils.to_categorical(y_test, {spec.classes})" if one_hot else "y_test"
    return evaluation, _TEST.format(noun=spec.noun, labels=labels)
