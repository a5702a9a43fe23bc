"""The Keras script of a run: what it says, how long it is, and that it repeats the run without this project."""

import ast
import json
import subprocess
import sys
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from own_data import added
from own_pictures import files, write_folder

from explorer.config import (
    ALPHA,
    ALPHA_OUTPUT,
    DROPOUT,
    EXPONENTIAL,
    FIELDS,
    HORIZONTAL,
    OFF,
    PAIRS,
    PLATEAU,
    STANDARDIZED,
    TrainingConfig,
)
from explorer.data import datasets
from explorer.data.origin import Downloaded
from explorer.data.own import registry
from explorer.data.own.arrays import save
from explorer.data.split import split_indices
from explorer.export.keras_script import differences, keras_script, plain_name
from explorer.presets import ALL_PRESETS
from explorer.runs import cost_estimate
from explorer.runs.history import EpochRecord, best_epoch

RUNNER = Path(__file__).parent.parent / "support" / "run_scripts.py"

# one step per epoch, so that the loss of epoch 1 is that of the first step
SMALL = TrainingConfig(
    dataset="digits", depth=2, width=12, learning_rate=1e-3, batch_size=2048, epochs=3, input_scaling=STANDARDIZED
)
NUMBERS = {
    "depth": (2, 0, 1, 3),
    "width": (12, 1, 30),
    "learning_rate": (1e-3, 3e-4, 3e-3),
    "peak_factor": (10.0, 3.0),
    "final_share": (0.001, 0.0, 0.5),
    "decay_epochs": (20, 1),
    "warmup_epochs": (2, 0, 1),
    "plateau_patience": (5, 1),
    "plateau_factor": (0.5, 0.1),
    "dropout_rate": (0.1,),
    "l2": (0.0, 0.01),
    "clip_norm": (0.0, 0.05),
    "weight_decay": (0.0, 0.5),
    "label_smoothing": (0.0, 0.1),
    "shift": (0, 2, 9),
    "mixup": (0.0, 0.4),
    "width_factor": (1.0, 0.5),
    "batch_size": (2048, 500, 1437),
    "epochs": (2, 3, 1),
    "patience": (20,),
    "seed": (1, 0, 2**31 - 1),
}


def values_of(field) -> tuple:
    """All choices of a field but the random ones, or some numbers."""
    if field.name == "dropout":
        return (OFF,)
    if field.name == "dataset":
        return ("digits",)
    return field.choices or NUMBERS[field.name]


def combined() -> dict[str, TrainingConfig]:
    """As few configurations as hold each of these values at least once."""
    values = {field.name: values_of(field) for field in FIELDS.values()}
    count = max(map(len, values.values()))
    return {
        f"choices_{number}": SMALL.with_(**{name: these[number % len(these)] for name, these in values.items()})
        for number in range(count)
    }


# its validation loss rises soon
STOPPED = SMALL.with_(patience=1, epochs=8, learning_rate=0.3, optimizer="adam")
# settings whose effect needs several steps, or an optimizer that does not divide by the size of the gradient
SEVERAL_STEPS = {
    "clipped": SMALL.with_(optimizer="momentum", clip_norm=0.05, learning_rate=0.1, epochs=3, batch_size=500),
    "decayed": SMALL.with_(schedule=EXPONENTIAL, decay_epochs=1, learning_rate=0.01, epochs=3, batch_size=500),
    "cut": STOPPED.with_(schedule=PLATEAU, plateau_patience=1, plateau_factor=0.5, patience=20, epochs=6),
}
# each alone, as the configurations above have them together
ALONE = {
    "skipping": SMALL.with_(skip=PAIRS, depth=5),
    "skipping_where_it_shrinks": SMALL.with_(skip=PAIRS, depth=7, width=5, width_factor=0.9),
    "mixed": SMALL.with_(mixup=0.4),
    "smoothed": SMALL.with_(label_smoothing=0.1),
    "weights_decayed": SMALL.with_(weight_decay=1.0, learning_rate=0.01, batch_size=500),
    "flipped_and_shifted": SMALL.with_(flip=HORIZONTAL, shift=2),
}
# the data sets that a script finds without a download
POINTS = {name: SMALL.with_(dataset=name, batch_size=500) for name in ("moons", "circles", "spirals", "xor")}
DOWNLOADED = {name for name, spec in datasets.BUILT_IN.items() if isinstance(spec.origin, Downloaded)}
EQUAL = combined() | SEVERAL_STEPS | ALONE | POINTS | {"stopped_early": STOPPED}
DROPOUTS, SEEDS = (DROPOUT, ALPHA, ALPHA_OUTPUT), (1, 2, 3)
RANDOM = {
    f"dropout_{kind}_{seed}": SMALL.with_(dropout=kind, dropout_rate=0.2, width=40, batch_size=64, epochs=4, seed=seed)
    for kind in DROPOUTS
    for seed in SEEDS
}


@pytest.fixture(scope="module")
def histories(tmp_path_factory) -> dict[str, dict]:
    """What Keras recorded for every script, in a process that cannot import this project."""
    folder = tmp_path_factory.mktemp("scripts")
    return run_scripts(folder, EQUAL | RANDOM)


def run_scripts(folder: Path, configs: dict[str, TrainingConfig]) -> dict[str, dict]:
    for name, config in configs.items():
        (folder / f"{name}.py").write_text(keras_script(config), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(RUNNER), *(str(folder / f"{name}.py") for name in configs)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def tensors():
    """The data set of a configuration in TensorFlow's memory, made once for each data set and division."""
    from explorer.training.tensors import TrainingTensors

    return cache(lambda name, division: TrainingTensors(datasets.load(name, division)))


def trained(config: TrainingConfig, tensors) -> list[EpochRecord]:
    """The history of the same configuration, trained by this project."""
    from explorer.training.compiled_epoch import CompiledNetwork
    from explorer.training.trainer import train

    records: list[EpochRecord] = []
    network = CompiledNetwork(config, tensors(config.dataset, config.validation_split), jit_compile=False)
    train(config, network, on_epoch=lambda record, *_: records.append(record))
    return records


def test_every_choice_and_several_numbers_are_among_the_scripts():
    for field in FIELDS.values():
        having_effect = [config for config in (EQUAL | RANDOM).values() if field.matters(vars(config))]
        values = {getattr(config, field.name) for config in having_effect}
        assert values >= set(field.choices) - DOWNLOADED, field.name
        assert len(values) > 1 or field.name in ("dataset", "dropout_rate"), field.name


def test_skip_connections_of_several_units_are_among_the_scripts():
    sizes = {name: (cost_estimate.skips(config), cost_estimate.layer_sizes(config)) for name, config in EQUAL.items()}
    real = {name: ends for name, (ends, units) in sizes.items() if any(units[end] > 1 for end in ends)}
    assert {"skipping": [3, 5], "skipping_where_it_shrinks": [4, 7]}.items() <= real.items()


@pytest.mark.parametrize("name", EQUAL)
def test_script_repeats_the_run(name, histories, tensors):
    config, keras = EQUAL[name], histories[name]
    records = trained(config, tensors)
    assert differences(config) == []
    assert keras["loss"][0] == pytest.approx(records[0].loss, abs=1e-5)
    assert len(keras["loss"]) == len(records)
    for metric in ("loss", "val_loss"):
        assert keras[metric] == pytest.approx([getattr(record, metric) for record in records], rel=2e-3)
    for metric in ("accuracy", "val_accuracy"):
        assert keras[metric] == pytest.approx([getattr(record, metric) for record in records], abs=0.006)
    assert len(records) == config.epochs or config is STOPPED
    best = best_epoch(records)
    assert keras["last"] == pytest.approx([best.val_loss, best.val_accuracy], rel=5e-3)


@pytest.mark.parametrize("kind", DROPOUTS)
def test_curves_over_three_seeds_overlap_with_ours_where_other_units_are_dropped(kind, histories, tensors):
    """In every epoch the three values of Keras and our three are within each other's range, widened by its half."""
    configs = {name: config for name, config in RANDOM.items() if config.dropout == kind}
    keras = [histories[name] for name in configs]
    ours = [trained(config, tensors) for config in configs.values()]
    for config, history, records in zip(configs.values(), keras, ours, strict=True):
        assert "different units are dropped" in keras_script(config)
        assert history["loss"][0] != pytest.approx(records[0].loss, abs=1e-5)
    for metric in ("loss", "accuracy", "val_loss", "val_accuracy"):
        for epoch in range(4):
            theirs = [history[metric][epoch] for history in keras]
            own = [getattr(records[epoch], metric) for records in ours]
            margin = (max(theirs + own) - min(theirs + own)) / 2
            assert min(theirs) - margin <= np.mean(own) <= max(theirs) + margin, (metric, epoch)
    # four epochs bring more than the seeds differ: a curve of another shape would not overlap
    losses = np.array([[record.val_loss for record in records] for records in ours])
    assert losses[:, 0].min() - losses[:, 3].max() > 2 * np.ptp(losses, axis=0).max()


# --- Data of which the scripts above have none ---------------------------------------------------------------


def test_flipped_and_shifted_pictures_with_channels_begin_with_the_same_loss(tmp_path, tensors, monkeypatch):
    """Pictures of one's own, of 12 × 20 pixels in three colours."""
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(registry, "_learned", {})
    own = added(write_folder(tmp_path / "pictures", files()), "pictures", size=(12, 20))
    assert own.spec.image_shape == (12, 20, 3)
    config = SMALL.with_(dataset=own.full_name, flip=HORIZONTAL, shift=5)
    (tmp_path / "scripts/moved").mkdir(parents=True)
    save(own.full_name, str(tmp_path / "scripts/moved/pictures.npz"))
    [keras] = run_scripts(tmp_path / "scripts", {"moved": config}).values()
    records = trained(config, tensors)
    assert keras["loss"][0] == pytest.approx(records[0].loss, abs=1e-5)
    for unmoved in ({"flip": OFF}, {"shift": 0}):
        [first, *_] = trained(config.with_(**unmoved, epochs=1), tensors)
        assert keras["loss"][0] != pytest.approx(first.loss, abs=1e-3)
    assert keras["val_loss"] == pytest.approx([record.val_loss for record in records], rel=2e-3)


def documented(counts: tuple[int, int], image_shape: tuple[int, ...], classes: int, ends: tuple[int, ...]) -> tuple:
    """What `load_data` of Keras returns: uint8 images whose first value is their label, and labels `[N, *ends]`."""
    pairs = []
    for count in counts:
        labels = np.random.default_rng(count).integers(0, classes, count, dtype=np.uint8)
        images = np.zeros((count, *image_shape), np.uint8)
        images.reshape(count, -1)[:, 0] = labels
        pairs.append((images, labels.reshape(count, *ends)))
    return tuple(pairs)


# the module of Keras, the numbers of labelled and of test images, their shape, the shape of a label, and the arguments
DOCUMENTED = {
    "cifar10": ("cifar10", (50_000, 10_000), (32, 32, 3), (1,), {}),
    "cifar100": ("cifar100", (50_000, 10_000), (32, 32, 3), (1,), {"label_mode": "fine"}),
    "cifar100_coarse": ("cifar100", (50_000, 10_000), (32, 32, 3), (1,), {"label_mode": "coarse"}),
    "fashion_mnist": ("fashion_mnist", (60_000, 10_000), (28, 28), (), {}),
    "mnist": ("mnist", (60_000, 10_000), (28, 28), (), {}),
}


def test_every_data_set_that_keras_downloads_is_documented_here():
    assert set(DOCUMENTED) == DOWNLOADED


@pytest.mark.parametrize("split", FIELDS["validation_split"].choices)
@pytest.mark.parametrize("name", DOCUMENTED)
def test_script_loads_and_divides_what_keras_downloads(name, split, monkeypatch):
    import keras

    module, counts, image_shape, ends, arguments = DOCUMENTED[name]
    spec, asked = datasets.BUILT_IN[name], []
    arrays = documented(counts, image_shape, spec.classes, ends)

    def load_data(**given):
        asked.append(given)
        return arrays

    monkeypatch.setattr(getattr(keras.datasets, module), "load_data", load_data)
    names: dict = {}
    exec(keras_script(SMALL.with_(dataset=name, validation_split=split)).partition("# --- Network ---")[0], names)
    assert asked == [arguments]
    labels = arrays[0][1].ravel()
    divided = dict(zip(("train", "val"), split_indices(counts[0], split), strict=True))
    expected = {ending: labels[indices] for ending, indices in divided.items()} | {"test": arrays[1][1].ravel()}
    assert {ending: len(given) for ending, given in expected.items()} == {
        **dict(zip(("train", "val"), spec.counts(split), strict=True)),
        "test": spec.test_images,
    }
    for ending, given in expected.items():
        images, found = names[f"x_{ending}"], names[f"y_{ending}"]
        assert images.shape == (len(given), *spec.image_shape) and images.dtype == found.dtype == np.uint8
        np.testing.assert_array_equal(found, given)
        np.testing.assert_array_equal(images.reshape(len(images), -1)[:, 0], given)
    batch = next(names["batches"]())
    assert [part.shape for part in batch] == [(SMALL.batch_size, *spec.image_shape), (SMALL.batch_size,)]


# --- The text ---------------------------------------------------------------------------------------------

# every part that a script can have at once, and each choice that changes the length of one
FULLEST = {
    "_".join(("fullest", dataset, *choices)): SMALL.with_(
        dataset=dataset,
        **dict(zip(("schedule", "skip", "dropout", "batch_norm"), choices, strict=True)),
        **({"flip": HORIZONTAL, "shift": 4} if spec.pictures else {}),
        input_scaling="standardized",
        l2=0.1,
        clip_norm=1.0,
        weight_decay=0.01,
        label_smoothing=0.1,
        mixup=0.2,
        width_factor=0.9,
    )
    for dataset, spec in datasets.BUILT_IN.items()
    for choices in product(*(FIELDS[name].choices for name in ("schedule", "skip", "dropout", "batch_norm")))
}
EVERY_CONFIG = {
    **{name: preset.config for name, preset in ALL_PRESETS.items()},
    **EQUAL,
    **RANDOM,
    **FULLEST,
}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with every script, each with a long and hostile run name and a result."""
    folder = tmp_path_factory.mktemp("written")
    best = EpochRecord(3, 1.5, 0.4, 1.4, 0.5, 1e-3, 1.0)
    for name, config in EVERY_CONFIG.items():
        script = keras_script(config, run='"""; import os\n\\N{DIGIT ONE}' + 90 * "x", best=best)
        (folder / f"{name}.py").write_text(script, encoding="utf-8")
    return folder


def test_every_script_is_short_formatted_and_without_faults_of_style(written):
    for path in written.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 120, path.name
    for command in (["format", "--check"], ["check", "--select", "E,F,W,I,B,UP"]):
        options = ["--isolated", "--line-length", "120", str(written)]
        done = subprocess.run([sys.executable, "-m", "ruff", *command, *options], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_every_script_imports_what_everybody_has(written):
    for path in written.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        used |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name.partition(".")[0] for name in used} <= {"keras", "numpy", "sklearn", "hashlib"}, path.name


def test_script_states_the_result_and_how_it_was_selected(written):
    text = " ".join((written / "elu.py").read_text(encoding="utf-8").split())
    assert "50.00% validation accuracy (validation loss 1.4000) at epoch 3" in text
    assert "lowest validation loss; 10,000 validation images, one seed" in text


def test_name_of_a_run_can_end_no_string_and_no_comment():
    assert plain_name('x"""\n\\ü`$') == "x" + 8 * "?"
    assert plain_name("cifar10_elu_20x100_2026_11_26-10_00_00_abcd") == "cifar10_elu_20x100_2026_11_26-10_00_00_abcd"


@pytest.mark.parametrize("name", ["elu", "book_bn"])
def test_script_divides_cifar10_as_the_explorer_does_and_starts_with_the_same_loss(name, cifar10, monkeypatch):
    """Keras would download 170 MB; it is given the same arrays in the shapes of its documentation."""
    import keras

    from explorer.training.compiled_epoch import CompiledNetwork, Totals
    from explorer.training.tensors import TrainingTensors
    from explorer.training.trainer import image_order

    labelled, labels = cifar10.images[:50_000], cifar10.labels[:50_000, None]
    arrays = (labelled, labels), (cifar10.images[50_000:], cifar10.labels[50_000:, None])
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: arrays)
    config = ALL_PRESETS[name].config.with_(depth=4)
    names: dict = {}
    exec(keras_script(config).partition("history = model.fit(")[0], names)
    divided = cifar10.divided(config.validation_split)
    for ending, split in (("train", "train"), ("val", "validation")):
        images, labels = divided.split(split)
        assert np.array_equal(names[f"x_{ending}"], images)
        assert np.array_equal(names[f"y_{ending}"], labels)
    network = CompiledNetwork(config, TrainingTensors(divided), jit_compile=False)
    network.start(config)
    order = image_order(config.seed, 1, network.data.training.size)
    ours = [network.train_steps(order, step, step + 1, Totals()).loss / 32 for step in range(2)]
    batches, keras_losses = names["batches"](), []
    for _ in range(2):
        names["model"].reset_metrics()
        keras_losses.append(float(names["model"].train_on_batch(*next(batches))[0]))
    assert keras_losses == pytest.approx(ours, abs=1e-5)
