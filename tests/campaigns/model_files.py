"""Mutated model files: each must get an answer or one sentence, within the limits.

    python tests/campaigns/model_files.py --mutations 10000 --seed 1 --json

The mutation of a number is the same in every run of a seed: `--only 4711` repeats one, and `--keep` writes the files
that fail into a folder.
"""

import argparse
import io
import json
import os
import random
import re
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))

import h5py
import numpy as np

from explorer.errors import ModelError, WorkersError
from explorer.evaluation import library, model_process
from explorer.evaluation.predictions import Request
from explorer.workers.task_process import TaskProcess

SECONDS = 10.0
MOST_WORDS = 400
IMAGE = np.zeros((1, 8, 8), "uint8")
# what a number in a file may be so that a reader goes astray
ODD_NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
ODD_VALUES = (
    None, True, 0, -1, 1, 2, 3.5, 1e308, 2**31, 2**63, 10**400, "", "a", "x" * 5000, "\x1b[31m", "../../x", "linear",
    "Dense", "Lambda", [], [None], [[]], [1, 2], {}, {"a": 1}, {"class_name": []}, {"class_name": {}},
    {"class_name": "Dense"}, {"class_name": "Dense", "config": []}, {"class_name": "Zeros", "config": {"shape": [9]}},
)  # fmt: skip


# --- good files -------------------------------------------------------------------------------------------


def good_files() -> dict[str, bytes]:
    """By name, a file of each kind that is opened: a small network for digits."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8)),
            layers.Flatten(),
            layers.Dense(8, activation="relu", kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Dense(10, activation="softmax"),
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / name for name in ("new.keras", "keras3.h5", "keras2.h5")}
        for path in files.values():
            model.save(path)
        as_keras_2(files["keras2.h5"])
        return {name: path.read_bytes() for name, path in files.items()}


def as_keras_2(path: Path) -> None:
    """Rewrites a legacy file as Keras 2 wrote them: no modules, the shape in the first layer, names of fixed length."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        own = config["config"]
        layers = [_old_layer(layer) for layer in own["layers"] if layer["class_name"] != "InputLayer"]
        layers[0]["config"]["batch_input_shape"] = [None, 8, 8]
        old = {"class_name": "Sequential", "config": {"name": own["name"], "layers": layers}}
        file.attrs["model_config"] = json.dumps(old).encode()
        file.attrs["keras_version"] = b"2.3.1"
        for group in (file["model_weights"], *file["model_weights"].values()):
            for name in ("layer_names", "weight_names"):
                if name in group.attrs:
                    names = [text.encode() if isinstance(text, str) else text for text in group.attrs[name]]
                    del group.attrs[name]
                    group.attrs[name] = np.array(names) if names else np.zeros(0, "S1")


def _old_layer(layer: dict) -> dict:
    config = {key: value for key, value in layer["config"].items() if key not in ("quantization_config",)}
    config["dtype"] = "float32"
    for key, value in config.items():
        if isinstance(value, dict) and "class_name" in value:
            config[key] = {"class_name": value["class_name"], "config": value["config"]}
    return {"class_name": layer["class_name"], "config": config}


# --- mutations --------------------------------------------------------------------------------------------


def mutate_bytes(content: bytes, chance: random.Random) -> bytes:
    """The content with one to four pieces overwritten, left out, doubled, or cut off."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if not changed:
            break
        at, length = chance.randrange(len(changed)), chance.choice((1, 1, 2, 4, 8, 16, 32, 64))
        kind = chance.randrange(9)
        if kind == 0:
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[at] = chance.randrange(256)
        elif kind == 2:
            changed[at : at + length] = bytes(min(length, len(changed) - at))
        elif kind == 3:
            changed[at : at + length] = b"\xff" * min(length, len(changed) - at)
        elif kind in (4, 5):
            at, size = at // 4 * 4, chance.choice((1, 2, 4, 8))
            number = chance.choice(ODD_NUMBERS) % 256**size
            changed[at : at + size] = number.to_bytes(size, "little")[: max(0, len(changed) - at)]
        elif kind == 6:
            source = chance.randrange(len(changed))
            changed[at : at + length] = changed[source : source + length]
        elif kind == 7:
            changed[at:at] = changed[at : at + length]
        else:
            del changed[at : at + (length if chance.random() < 0.8 else len(changed))]
    return bytes(changed)


def mutate_json(value: Any, chance: random.Random) -> Any:
    """The value with one to three places replaced, left out, doubled, renamed or exchanged."""
    value = json.loads(json.dumps(value))
    for _ in range(chance.choice((1, 1, 2, 3))):
        parent, key = chance.choice(_places(value))
        if (kind := chance.randrange(6)) <= 2:
            parent[key] = chance.choice(ODD_VALUES)
        elif kind == 3:
            del parent[key]
        elif kind == 4:
            other, at = chance.choice(_places(value))
            parent[key] = json.loads(json.dumps(other[at]))
        elif isinstance(parent, list):
            parent.insert(key, json.loads(json.dumps(parent[key])))
        else:
            parent[chance.choice((f"{key}s", "class_name", "config", "module", "name"))] = parent.pop(key)
        if not _places(value):
            break
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    found, waiting = [], [value]
    while waiting:
        part = waiting.pop()
        keys = part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
        found += [(part, key) for key in keys]
        waiting += [part[key] for key in keys]
    return found


def mutate_archive(content: bytes, chance: random.Random) -> bytes:
    """A Keras archive with one part mutated and right checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    kind = chance.choice(("json", "json", "text", "weights", "weights"))
    if kind == "json":
        parts["config.json"] = json.dumps(mutate_json(json.loads(parts["config.json"]), chance)).encode()
    else:
        name = "config.json" if kind == "text" else "model.weights.h5"
        parts[name] = mutate_bytes(parts[name], chance)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, part in parts.items():
            made.writestr(name, part)
    return stream.getvalue()


def mutate_description(content: bytes, chance: random.Random) -> bytes:
    """A legacy file with the description of its layers mutated."""
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        changed = json.dumps(mutate_json(json.loads(file.attrs["model_config"]), chance))
        file.attrs["model_config"] = changed.encode()
    return stream.getvalue()


def mutation(files: dict[str, bytes], seed: int, number: int) -> tuple[str, bytes]:
    """The name and the content of a mutation."""
    chance = random.Random(f"{seed}-{number}")
    name = chance.choice(sorted(files))
    within = mutate_archive if name.endswith(".keras") else mutate_description
    mutate: Callable = chance.choice((mutate_bytes, within)) if name.endswith(".keras") else (
        within if chance.random() < 0.25 else mutate_bytes
    )  # fmt: skip
    return name, mutate(files[name], chance)


# --- the campaign -----------------------------------------------------------------------------------------


def outcome(task_process: TaskProcess, path: Path, seconds: float) -> tuple[str, str]:
    """What became of a file: `answered`, `refused` or `ended` with its sentence, or `fault` with what is wrong."""
    try:
        found = task_process.ask(
            model_process.predict_images, Request(str(path), path.name), IMAGE, seconds=seconds
        ).result(600)
    except (ModelError, WorkersError) as error:
        words = str(error)
        if "\n" in words or not words.isprintable() or len(words) > MOST_WORDS or tempfile.gettempdir() in words:
            return "fault", f"no sentence for a person: {words!r}"
        if isinstance(error, ModelError):
            return "refused", words
        return ("ended", words) if words.endswith(("was ended", "died")) else ("fault", words)
    except Exception as error:  # whatever comes is what is looked for
        return "fault", f"{type(error).__name__}: {error}"
    return ("answered", "") if found.shape == (1, 10) else ("fault", f"an answer of shape {found.shape}")


def cause(words: str) -> str:
    """A sentence without what is this file's own."""
    words = re.sub(r"^model: '[^']*' ", "", words)
    return re.sub(r"\d[\d,.]*", "N", re.sub(r"'[^']*'|\"[^\"]*\"", "…", words))


def run(mutations: range | list[int], seed: int, *, seconds: float = SECONDS, keep: Path | None = None) -> dict:
    """Asks about every mutation; figures of what became of them, and all faults."""
    files = good_files()
    counts, causes, faults, kinds = Counter(), Counter(), [], Counter()
    longest, began = 0.0, time.monotonic()
    task_process = TaskProcess()
    try:
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
            for name, content in files.items():  # a campaign that refuses the good ones would find nothing
                (Path(folder) / name).write_bytes(content)
                assert outcome(task_process, Path(folder) / name, 600) == ("answered", ""), name
            for number in mutations:
                name, content = mutation(files, seed, number)
                path = Path(folder) / f"m{Path(name).suffix}"
                path.write_bytes(content)
                started = time.monotonic()
                what, words = outcome(task_process, path, seconds)
                longest = max(longest, time.monotonic() - started)
                if what == "ended":  # is it the file, or a busy machine and a process that has just been started?
                    outcome(task_process, Path(folder) / name, 600)
                    what, words = outcome(task_process, path, library.SECONDS)
                counts[what] += 1
                kinds[name] += 1
                if what != "answered":
                    causes[cause(words)] += 1
                if what in ("fault", "ended") and keep:
                    (keep / f"{what}-{seed}-{number}-{name}").write_bytes(content)
                if what in ("fault", "ended"):
                    print(f"{what} {number} {name}: {words}", file=sys.stderr, flush=True)
                if number % 500 == 499:
                    print(f"{number + 1:,} mutations", file=sys.stderr, flush=True)
                if what == "fault":
                    faults.append({"number": number, "file": name, "words": words})
    except KeyboardInterrupt:
        print("interrupted: the figures are of what was asked so far", file=sys.stderr)
    finally:
        task_process.close()
    return {
        "mutations": sum(counts.values()),
        "seed": seed,
        "files": dict(kinds),
        **{name: counts[name] for name in ("answered", "refused", "ended")},
        "faults": faults,
        "limit_seconds": seconds,
        "longest_seconds": round(longest, 2),
        "total_seconds": round(time.monotonic() - began, 1),
        "causes": dict(causes.most_common()),
    }


def main() -> int:
    """Runs the campaign; exit status 1 for a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="the limit of a file")
    parser.add_argument("--only", type=int, help="the number of one mutation")
    parser.add_argument("--keep", type=Path, help="a folder for the files that fail or are ended at a limit")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    numbers = range(options.mutations) if options.only is None else [options.only]
    found = run(numbers, options.seed, seconds=options.seconds, keep=options.keep)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        causes = found.pop("causes")
        print("\n".join(f"{name}: {value}" for name, value in found.items()))
        print("\n".join(f"{count:6,}  {words}" for words, count in causes.items()))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
