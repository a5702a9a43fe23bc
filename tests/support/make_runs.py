"""Makes many finished runs to measure with.

`PYTHONPATH=.:tests/support .venv/bin/python tests/support/make_runs.py 10000 FOLDER`

Every run has its own settings, 30 epochs of plausible numbers and the files of a real one but for the models.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

from explorer.config import TrainingConfig
from explorer.runs.history import EpochRecord
from explorer.runs.run import CONFIG, HISTORY
from explorer.runs.status import COMPLETED, FAILED, STOPPED, RunStatus
from explorer.work_folder import STATUS

EPOCHS = 30
SEEDS = 5


def main() -> None:
    """Reads the command line and says how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, help="how many runs")
    parser.add_argument("folder", type=Path, help="where to put them")
    arguments = parser.parse_args()
    started = time.perf_counter()
    make_runs(arguments.count, arguments.folder)
    print(f"{arguments.count:,} runs in {time.perf_counter() - started:.1f} s")


def make_runs(count: int, folder: Path, epochs: int = EPOCHS, seed: int = 1) -> None:
    """Writes so many run folders; the same arguments give the same runs."""
    draw = random.Random(seed)
    config = _config(draw)
    for number in range(count):
        if number % SEEDS == 0:
            config = _config(draw)
        write_run(folder, number, config.with_(seed=1 + number % SEEDS), draw, epochs)


def _config(draw: random.Random) -> TrainingConfig:
    activation, initializer = draw.choice((("elu", "he_normal"), ("relu", "he_normal"), ("selu", "lecun_normal")))
    return TrainingConfig(
        dataset="digits",
        activation=activation,
        kernel_initializer=initializer,
        batch_norm=draw.choice(("off", "after_activation")),
        depth=draw.choice((2, 5, 10, 20)),
        width=draw.choice((20, 50, 100)),
        learning_rate=float(f"{10 ** draw.uniform(-5, -2):.2g}"),
        batch_size=draw.choice((32, 64)),
    )


def write_run(folder: Path, number: int, config: TrainingConfig, draw: random.Random, epochs: int = EPOCHS) -> None:
    """Writes one run folder whose result depends on its settings, and a little on the seed."""
    created = 1.75e9 + 60 * number
    path = folder / f"digits_{config.activation}_{config.depth}x{config.width}_made_{number:06d}"
    path.mkdir(parents=True)
    state = draw.choices((COMPLETED, STOPPED, FAILED), (96, 3, 1))[0]
    status = RunStatus(state, created=created, queued=created, started=created + 1, ended=created + 50, parameters=9999)
    (path / CONFIG).write_text(json.dumps({**config.to_dict(), "versions": {"keras": "3.15.1"}}, indent=2))
    (path / STATUS).write_text(json.dumps(status.to_dict(), indent=2))
    records = history(config, draw, epochs)
    (path / HISTORY).write_text("".join(record.to_json() + "\n" for record in records))


def history(config: TrainingConfig, draw: random.Random, epochs: int = EPOCHS) -> list[EpochRecord]:
    """Epochs that fall to a floor and, on the validation split, rise again."""
    floor = 0.25 + 0.12 * abs(math.log10(config.learning_rate / 6e-4)) + 0.01 * config.depth - 0.001 * config.width
    floor += (0.05 if config.batch_norm == "off" else 0.0) + draw.gauss(0, 0.02)
    speed = 3 + 2 * abs(math.log10(config.learning_rate / 6e-4))
    records = []
    for epoch in range(1, epochs + 1):
        loss = floor + 2 * math.exp(-epoch / speed) + draw.gauss(0, 0.01)
        val_loss = loss + 0.03 + 0.0004 * epoch**1.5 + draw.gauss(0, 0.015)
        seconds = config.depth * 0.02 + 0.1 + draw.random() * 0.02
        accuracy, val_accuracy = (max(0.0, 1 - value / 2.5) for value in (loss, val_loss))
        records.append(EpochRecord(epoch, loss, accuracy, val_loss, val_accuracy, config.learning_rate, seconds))
    return records


if __name__ == "__main__":
    main()
