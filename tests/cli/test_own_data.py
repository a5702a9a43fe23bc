"""`data add`, `data list` and `data remove`: a data set of one's own from its files to its last run."""

import json
import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from command_line import run_here
from own_pictures import COLOURS, files, write_folder, write_zip

from explorer.data.own import registry


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pictures, a data cache and runs; the processes that the tests start use it."""
    folder = tmp_path_factory.mktemp("own")
    write_folder(folder / "pictures", [*files(), ("rose/cut.png", b"no picture")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_DATA", str(folder / "data"))
        patch.setenv("EXPLORER_RUNS", str(folder / "runs"))
        patch.setattr(registry, "_learned", {})
        yield folder


@pytest.fixture(scope="module")
def trained(place) -> dict:
    """What `train --json` prints of a run on the pictures, added as grey images of 20 × 30."""
    for arguments in (
        ["data", "add", "flowers", place / "pictures", "--size", "20x30", "--grey", "--json"],
        ["train", "--dataset", "flowers", "--epochs", "4", "--depth", "2", "--width", "16", "--learning-rate", "0.003",
         "--input-scaling", "standardized", "--batch-size", "8", "--json"],
    ):  # fmt: skip
        command = [sys.executable, "-m", "explorer", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=os.environ)
        assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(capsys, *arguments: object) -> str:
    status, out, err = run_here(capsys, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    return err.strip().removeprefix("explorer: ")


def test_a_data_set_of_ones_own_is_trained_and_evaluated_by_its_name(place, trained, capsys):
    (description,) = (registry.descriptions()[name] for name in registry.names())
    assert description.spec.image_shape == (20, 30, 1) and description.class_names == tuple(COLOURS)
    assert trained["config"]["dataset"] == description.full_name and trained["status"] == "completed"
    assert trained["run"].startswith("flowers_elu_2x16_")
    status, out, err = run_here(capsys, "evaluate", trained["run"], "--json")
    assert status == 0, err
    assert json.loads(out)["dataset"] == description.full_name and json.loads(out)["images"] == 8


def test_the_report_is_shown_before_anything_is_trained(place, trained, capsys):
    status, out, _ = run_here(capsys, "data", "add", "flowers", place / "pictures", "--size", "20x30", "--grey")
    assert status == 0
    hash_ = registry.find("flowers").hash
    assert out.splitlines() == [
        f"flowers ({hash_}): 36 images in 3 classes, grey, 30 × 20 pixels",
        "class    training  validation",
        "iris            9           3",
        "rose            9           3",
        "tulip          10           2",
        "All images had 24 × 16 pixels.",
        "A fifth of each class is held out for validation, chosen with seed 1.",
        "1 file could not be read and is left out.",
        "  'rose/cut.png' cannot be read as an image; it must be a PNG, JPEG or WebP image",
        "train on it with: python -m explorer train --dataset flowers",
    ]
    status, out, _ = run_here(capsys, "data", "list")
    assert (status, out) == (0, f"flowers ({hash_}): 36 images in 3 classes, grey, 30 × 20 pixels\n")
    listed = json.loads(run_here(capsys, "data", "list", "--json")[1])["datasets"]
    assert [each["name"] for each in listed] == ["flowers"] and listed[0]["report"]["all_unreadable"] == 1
    assert run_here(capsys, "data", "flowers")[0] == 0  # verifies every byte


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["x", "none"], "path: 'none' is not allowed; it must be the path of a folder with one folder per class"),
        (
            ["My set", "."],
            "name: 'My set' is not allowed; it must be 1 to 40 lower-case letters, digits and underscores",
        ),
        (["digits", "."], "name: 'digits' is not allowed; it must be a name that no built-in data set has"),
        (["x", ".", "--size", "999"], "size: '999' is not allowed; it must be a number of pixels from 2 to 256"),
        (["x", ".", "--seed", "-1"], "seed: '-1' is not allowed; it must be a whole number from 0 to 2,147,483,647"),
    ],
)
def test_options_that_are_not_allowed_are_named(place, capsys, arguments, sentence):
    assert refused(capsys, "data", "add", *arguments).startswith(sentence)


def test_a_file_that_is_refused_is_one_sentence(place, tmp_path, capsys):
    path = write_zip(tmp_path / "x.zip", [*files(), ("../rose/0.png", b"x")])
    expected = "data: 'x.zip' contains the path '../rose/0.png', which is not allowed"
    assert refused(capsys, "data", "add", "x", path) == expected


def test_a_table_is_trained_and_evaluated(place, tmp_path, capsys):
    rows = [f"{place % 5},{'red' if place % 2 else 'blue'},{'odd' if place % 2 else 'even'}" for place in range(60)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["size,colour,kind", *rows]))
    assert run_here(capsys, "data", "add", "table", path, "--label", "kind")[0] == 0
    command = [sys.executable, "-m", "explorer", "train", "--dataset", "table", "--epochs", "20", "--depth", "1"]
    command += ["--width", "16", "--learning-rate", "0.01", "--input-scaling", "standardized", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=os.environ)
    assert done.returncode == 0, done.stderr
    trained = json.loads(done.stdout)
    status, out, err = run_here(capsys, "evaluate", trained["run"], "--json")
    assert status == 0, err
    assert (json.loads(out)["images"], json.loads(out)["accuracy"]) == (12, 1.0)
    printed = script_prints(capsys, "table", trained, tmp_path)
    assert printed == (pytest.approx(trained["val_loss"], abs=0.01), "validation accuracy 100.00% on 12 rows")
    text = (tmp_path / "script.py").read_text(encoding="utf-8")
    assert "image" not in text and "pixel" not in text

    np.savez(
        tmp_path / "table.npz", **dict(np.load(tmp_path / "table.npz")) | {"x_train": np.zeros((60, 3), np.float32)}
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.stderr.splitlines()[-1] == "AssertionError: table.npz is not the data set of this run"


def script_prints(capsys, name: str, trained: dict, tmp_path) -> tuple[float, str]:
    """The loss and the words that the exported script of a run prints at its end, beside its saved data set."""
    assert run_here(capsys, "data", "save", name, "--output", tmp_path)[:2] == (0, f"{tmp_path}/{name}.npz\n")
    assert run_here(capsys, "export", trained["run"], "--as", "script", "--output", tmp_path / "script.py")[0] == 0
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "val_accuracy" in done.stdout
    loss, words = re.fullmatch(r"validation loss ([\d.]+), (.*)", done.stdout.splitlines()[-1]).groups()
    return float(loss), words


def test_an_exported_script_reads_the_saved_data_set(place, trained, tmp_path, capsys):
    reached = f"validation accuracy {trained['val_accuracy']:.2%} on 8 images"
    assert script_prints(capsys, "flowers", trained, tmp_path) == (
        pytest.approx(trained["val_loss"], abs=0.01),
        reached,
    )


def test_a_run_whose_data_set_was_removed_says_so(place, trained, capsys):
    """The last test of this module: it removes the data set."""
    name = registry.find("flowers").full_name
    assert "one of flowers, table" in refused(capsys, "data", "remove", "roses")
    status, out, _ = run_here(capsys, "data", "remove", "flowers")
    assert status == 0 and out.splitlines() == [
        f"{name} was removed",
        "these runs used it; they can be viewed, but not resumed or evaluated:",
        trained["run"],
    ]
    gone = f"the data set flowers ({name[8:14]}) is not on this machine"
    for arguments in (["train", "--dataset", name], ["evaluate", trained["run"]], ["data", name]):
        status, out, err = run_here(capsys, *arguments)
        assert (status, out) == (1, "") and err.startswith(f"explorer: {gone}; add it with"), arguments
    status, out, _ = run_here(capsys, "runs")
    assert status == 0 and trained["run"] in out
    assert "flowers" not in run_here(capsys, "data", "list")[1]
    assert "one of table" in refused(capsys, "data", "remove", "flowers")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("folder", ()),
        ("folder", ("--size", "20x30", "--grey", "--seed", "5")),
        ("zip", ("--size", "24",)),
        ("npz", ("--seed", "7")),
        ("npz", ("--grey",)),
        ("npz", ("--size", "32")),
        ("csv", ("--seed", "3")),
        ("csv", ("--label", "what it is")),
    ],
)  # fmt: skip
def test_the_command_for_what_is_gone_brings_the_same_data_set_back(place, tmp_path, capsys, kind, options):
    images = {
        "x_train": np.random.default_rng(1).integers(0, 256, (30, 9, 7, 3), np.uint8),
        "y_train": np.arange(30) % 3,
    }
    path = tmp_path / f"mine.{kind}"
    if kind == "folder":
        write_folder(path, files())
    elif kind == "zip":
        write_zip(path, files())
    elif kind == "npz":
        np.savez(path, **images)
    else:
        column = options[1] if "--label" in options else "label"
        path.write_text(f"a,b,{column}\n" + "".join(f"{n},{n * n},{n % 2}\n" for n in range(20)))
    assert run_here(capsys, "data", "add", "mine", path, *options)[0] == 0
    name = registry.find("mine").full_name
    assert run_here(capsys, "data", "remove", "mine")[0] == 0
    _, _, err = run_here(capsys, "data", name)
    command = re.search("`python -m explorer (.*)`", err)[1].replace("PATH", str(path))
    assert run_here(capsys, *shlex.split(command))[0] == 0
    assert registry.is_here(registry.descriptions()[name])
    assert run_here(capsys, "data", "remove", "mine")[0] == 0
