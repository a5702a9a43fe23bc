"""Programs on disk: a later process finds them, with the same numbers; nothing damaged or foreign is used."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from explorer.training import program_files
from explorer.training.program_files import Stored

ROOT = Path(__file__).parents[2]
STORED = Stored({"train": {"variables": {"a": 1}}}, {"train": b"graph\n\0", "compiled": bytes(range(256))})
# trains some steps, evaluates and looks inside; prints the bits of all variables and results
TRAIN = """
import hashlib, sys
import numpy as np
from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.training.augmentation import Draws
from explorer.training.compiled_epoch import CompiledNetwork
from explorer.training.layer_statistics import Probe
from explorer.training.results import Totals
from explorer.training.tensors import TrainingTensors

def traced(function):
    def run(*arguments):
        print("TRACED", function.__name__, file=sys.stderr)
        return function(*arguments)
    return run

for owner, name in (CompiledNetwork, "_training_loop"), (CompiledNetwork, "_evaluation_loop"), (Probe, "_measure"):
    setattr(owner, name, traced(getattr(owner, name)))
config = TrainingConfig(dataset="digits", width=24, **eval(sys.argv[1]))
data = TrainingTensors(datasets.load("digits"))
network = CompiledNetwork(config, data)
network.compile()
assert network.compiled
network.start(config)
order = np.random.default_rng(1).permutation(data.training.size).astype(np.int32)
totals = network.train_steps(order, 0, network.steps_per_epoch, Totals())
evaluation = network.evaluate(data.validation)
signals = network.signals(1, network.probe.kernels()).to_json()
bits = hashlib.sha256(b"".join(variable.numpy().tobytes() for variable in network.variables)).hexdigest()
print(totals, evaluation.loss, evaluation.accuracy, signals, bits)
"""
LOADED = "Loading cached entry for"


class Trained(NamedTuple):
    """What a process printed, how many programs it took from disk by XLA's own log, and how many it traced."""

    printed: str
    loaded: int
    traced: int


def trained(folder: Path, settings: dict) -> Trained:
    log = {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_VMODULE": "device_executable_persistor=1"}
    environment = os.environ | log | {"EXPLORER_CACHE": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, repr(settings)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return Trained(done.stdout, done.stderr.count(LOADED), done.stderr.count("TRACED"))


@pytest.mark.parametrize(
    "settings",
    [
        {"depth": 3, "batch_norm": "after_activation", "l2": 1e-4, "clip_norm": 1.0},
        {"depth": 4, "activation": "selu", "dropout": "alpha", "dropout_rate": 0.1, "optimizer": "sgd"},
        {"depth": 5, "skip": "pairs", "mixup": 0.2, "shift": 1, "label_smoothing": 0.1, "weight_decay": 1e-3},
    ],
    ids=["batch norm", "alpha dropout", "augmentation"],
)
def test_a_later_process_traces_and_compiles_nothing_and_has_the_same_bits(tmp_path, settings):
    (tmp_path / "a file").write_text("nothing can be stored below it")
    without = trained(tmp_path / "a file" / "programs", settings)
    first, second = trained(tmp_path / "programs", settings), trained(tmp_path / "programs", settings)
    assert without.loaded == first.loaded == 0 and first.traced >= 3
    assert second.loaded == 2  # the steps, and the evaluation; what looks inside is not compiled
    assert second.traced == 0
    assert without.printed == first.printed == second.printed


def test_a_damaged_program_is_compiled_again(tmp_path):
    settings = {"depth": 2}
    expected = trained(tmp_path, settings).printed
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert trained(tmp_path, settings)[:2] == (expected, 0)
    assert trained(tmp_path, settings)[:2] == (expected, 2)


def test_two_processes_that_compile_at_once_leave_one_whole_program(tmp_path):
    settings = {"depth": 2, "optimizer": "adam"}
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(trained, [tmp_path] * 2, [settings] * 2))
    assert len(list(tmp_path.iterdir())) == 1
    assert both[0].printed == both[1].printed
    assert trained(tmp_path, settings)[:2] == (both[0].printed, 2)


SEVERAL = """
from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.training.program_cache import ProgramCache

cache, digits = ProgramCache(), datasets.load("digits")
for width in range(20, 24):
    cache.network(TrainingConfig(dataset="digits", depth=1, width=width), digits)
"""


def test_several_networks_in_a_process_put_no_warning_in_the_terminal_where_a_page_was_started(tmp_path):
    """Neither does TensorFlow when it is imported, which heeds its own log level only later."""
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    for _ in range(2):  # compiled, then from disk
        done = subprocess.run(
            [sys.executable, "-c", SEVERAL],
            cwd=ROOT,
            env=environment | {"EXPLORER_CACHE": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
    assert len(list(tmp_path.iterdir())) == 4


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_stored_is_read(folder):
    assert program_files.read("k") is None
    program_files.write("k", STORED)
    assert program_files.read("k") == STORED
    assert folder.stat().st_mode & 0o077 == 0
    program_files.remove("k")
    assert program_files.read("k") is None


def test_every_damage_is_noticed(folder):
    program_files.write("k", STORED)
    whole = (folder / "k.program").read_bytes()
    for place in range(len(whole)):
        (folder / "k.program").write_bytes(whole[:place])
        assert program_files.read("k") is None
        (folder / "k.program").write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert program_files.read("k") is None
        assert list(folder.iterdir()) == []


def test_nothing_is_read_or_written_where_others_can_write(folder):
    program_files.write("k", STORED)
    folder.chmod(0o777)
    assert program_files.read("k") is None
    program_files.write("other", STORED)
    assert [path.name for path in folder.iterdir()] == ["k.program"]


def test_a_link_or_a_pipe_is_no_program(folder, tmp_path):
    program_files.write("k", STORED)
    (folder / "k.program").rename(tmp_path / "elsewhere")
    (folder / "k.program").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / "pipe.program")
    assert program_files.read("k") is program_files.read("pipe") is None


def test_those_not_used_for_longest_are_removed_first(folder, monkeypatch):
    for age, key in enumerate("abc"):
        program_files.write(key, STORED)
        os.utime(folder / f"{key}.program", (1e9 - age, 1e9 - age))
    size = (folder / "a.program").stat().st_size
    assert list(program_files.sizes().items()) == [(folder / f"{key}.program", size) for key in "abc"]
    assert program_files.read("c") is not None  # it was used now
    monkeypatch.setattr(program_files, "MOST_BYTES", 3 * size)
    program_files.write("d", STORED)
    assert {path.stem for path in program_files.sizes()} == {"a", "c", "d"}
    monkeypatch.setattr(program_files, "MOST_BYTES", size - 1)
    program_files.write("e", STORED)
    assert program_files.read("e") is None
    program_files.clear()
    assert list(folder.iterdir()) == []


def test_another_processor_version_or_code_is_another_program(monkeypatch):
    key = program_files.key_of("a network")
    assert program_files.key_of("a network") == key != program_files.key_of("another")
    for name, value in {
        "processor_features": lambda: "x86_64 other",
        "versions": lambda: {"tensorflow": "99"},
        "code_hash": lambda *names: "other",
    }.items():
        with monkeypatch.context() as patched:
            patched.setattr(program_files, name, value)
            assert program_files.key_of("a network") != key
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "77")
    assert program_files.key_of("a network") != key
