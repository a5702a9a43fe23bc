"""The description of a data set: an incomplete one cannot be made, and a complete one is known everywhere."""

import ast
import io
import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import shapes

from explorer.data import datasets
from explorer.data.cifar10 import CIFAR10
from explorer.data.dataset_file import Layout
from explorer.data.digits import DIGITS
from explorer.data.spec import DatasetSpec
from explorer.errors import DataError
from explorer.evaluation.images import png_uri, read_upload

ROOT = Path(__file__).parents[2]


# --- An incomplete description -----------------------------------------------------------------------


@pytest.mark.parametrize("forgotten", [field.name for field in fields(DatasetSpec)])
def test_a_forgotten_part_is_an_error_when_the_description_is_made(forgotten):
    parts = {field.name: getattr(CIFAR10, field.name) for field in fields(DatasetSpec)}
    assert DatasetSpec(**parts) == CIFAR10
    del parts[forgotten]
    with pytest.raises(TypeError, match=forgotten):
        DatasetSpec(**parts)


def changed(name: str, **changes) -> Layout:
    return Layout(tuple(replace(p, **changes) if p.name == name else p for p in CIFAR10.layout.parts))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "CIFAR 10"}, "data set 'CIFAR 10': the name must consist of lower-case letters"),
        ({"name": "../x"}, "the name must consist"),
        ({"title": " "}, "the title is empty"),
        ({"licence": ""}, "the licence is empty"),
        ({"source": ""}, "the source is empty"),
        ({"citation": ""}, "the citation is empty"),
        ({"loading": ""}, "the loading is empty"),
        ({"class_names": ()}, "the names of 2 to 256 classes"),
        ({"class_names": ("a", "b", "a")}, "all different"),
        ({"class_names": ("a", "")}, "none empty"),
        ({"max_value": 0}, "the largest pixel value is 0"),
        ({"origin": None}, "the origin must be"),
        ({"layout": Layout(())}, "the arrays must be x_train, x_test, y_train, y_test or x_train, y_train, not "),
        ({"layout": Layout(CIFAR10.layout.parts[:3])}, "the arrays must be"),
        ({"layout": Layout(CIFAR10.layout.parts[::-1])}, "the arrays must be"),
        (
            {"layout": changed("x_train", shape=(50_000, 3_072))},
            "x_train has values of type uint8; pictures",
        ),
        ({"layout": changed("x_train", shape=(50_000, 32, 32, 4))}, r"images have the shape \(32, 32, 4\)"),
        ({"layout": changed("x_test", shape=(10_000, 28, 28, 3))}, r"x_test has the shape \(10000, 28, 28, 3\)"),
        ({"layout": changed("y_train", shape=(49_999,))}, r"y_train has the shape \(49999,\)"),
        ({"layout": changed("y_test", sha256="")}, "the SHA-256 of y_test is missing"),
    ],
)
def test_a_description_that_contradicts_itself_cannot_be_made(changes, reason):
    with pytest.raises(ValueError, match=reason):
        replace(CIFAR10, **changes)


@pytest.mark.parametrize("changes", [{"name": "other"}, {"title": "Other"}])
def test_two_data_sets_of_one_name_or_title_are_an_error(changes):
    with pytest.raises(ValueError, match="another one has the same name or title"):
        datasets._table((CIFAR10, replace(CIFAR10, **changes)))


def test_installed_data_that_differs_is_not_used(monkeypatch):
    wrong = Layout((replace(DIGITS.layout.parts[0], sha256="0" * 64), DIGITS.layout.parts[1]))
    monkeypatch.setitem(datasets.DATASETS, "digits", replace(DIGITS, layout=wrong))
    with pytest.raises(DataError, match=r"Digits \(8×8\) of scikit-learn cannot be used \(the SHA-256 of x_train"):
        datasets.load("digits")


def test_installed_data_that_cannot_be_read_is_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "digits.csv.gz").write_bytes(b"no archive")
    origin = replace(DIGITS.origin, read=lambda: DIGITS.origin.read(tmp_path / "digits.csv.gz"))
    monkeypatch.setitem(datasets.DATASETS, "digits", replace(DIGITS, origin=origin))
    with pytest.raises(DataError, match="cannot be used"):
        datasets.load("digits")


# what is measured or shown on one data set by choice
ON_ONE_DATA_SET = {"benchmarks", "diagnosis/fault_cases.py", "diagnosis/thresholds.py", "cli/campaign.py"}


def test_no_module_outside_its_own_knows_a_data_set_by_name():
    package = ROOT / "explorer"
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        if place.parts[0] == "data" or {place.parts[0], place.as_posix()} & ON_ONE_DATA_SET:
            continue
        constants = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        assert not constants & set(datasets.DATASETS), place


# --- Images that are not square ----------------------------------------------------------------------


def test_an_own_image_is_cropped_to_the_shape_of_the_images():
    from PIL import Image

    stream = io.BytesIO()
    picture = np.zeros((100, 400), np.uint8)
    picture[:, 125:275] = 255  # the central part of 30:20
    Image.fromarray(picture).save(stream, "PNG")
    upload = read_upload(stream.getvalue(), "wide.png", shapes.spec())
    assert upload.image.shape == (20, 30, 1) and (upload.image == 219).all()
    assert upload.description == "PNG, 400 × 100 pixels, cropped to its central part of 30:20, shrunk to 30 × 20"
    assert png_uri(upload.image, 219).startswith("data:image/png;base64,")


# --- A third data set goes through every place -------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> dict[str, str]:
    """The environment of processes that know a third data set, with a folder of data and one of runs."""
    folder = tmp_path_factory.mktemp("third")
    (folder / "sitecustomize.py").write_text("import shapes\nshapes.register()\n")
    np.savez(folder / "shapes.npz", **shapes.arrays())
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT), str(ROOT / "tests/support")]),
        "EXPLORER_DATA": str(folder / "data"),
        "EXPLORER_RUNS": str(folder / "runs"),
        "KERAS_HOME": str(folder / "keras"),
        "FOLDER": str(folder),
    }


def explorer(place: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "explorer", *arguments]
    return subprocess.run(command, cwd=place["FOLDER"], env=place, capture_output=True, text=True, timeout=600)


def answer(place: dict[str, str], *arguments: str) -> dict:
    done = explorer(place, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


PAGES = """
import io
import re
import numpy as np
from PIL import Image
from browser import wait_for
from drawn import page_alone, texts
from explorer.pages.evaluate.state import TAB, UPLOAD
from explorer.pages.evaluate.page import TABS

def settled(page):
    wait_for(lambda: not any("in a separate process" in info.value for info in page.run().info))
    assert not page.exception, page.exception
    return page

def html(page):
    return " ".join(part.proto.body for part in page.get("html"))

if __name__ == "__main__":
    page = page_alone("train")
    page.query_params["dataset"] = "shapes"
    page.run()
    assert not page.exception, page.exception
    assert "= 600 inputs" in html(page) and "3 classes" in html(page)
    assert "Three shapes (20×30): 400 training and 100 validation images" in texts(page)
    assert page.selectbox(key="dataset").value == "shapes"
    for name in ("compare", "sweep", "gallery"):
        page = page_alone(name).run()
        assert not page.exception, (name, page.exception)
    page = page_alone("evaluate")
    page.query_params["split"] = "test"
    settled(page)
    assert "100 test images of Three shapes (20×30)" in texts(page)
    for tab in TABS:
        page.session_state[TAB] = tab
        settled(page)
    stream = io.BytesIO()
    Image.fromarray(np.full((50, 80), 200, np.uint8)).save(stream, "PNG")
    page.session_state[TAB] = "Your own image"
    settled(page)
    assert "resized to 30 × 20 pixels" in texts(page) and "top, bottom, left" in texts(page)
    page.file_uploader(key=UPLOAD).set_value(("mine.png", stream.getvalue(), "image/png"))
    settled(page)
    assert "aspect-ratio:30/20" in html(page)
    print("every page is drawn")
    import os
    os._exit(0)  # the worker processes end with it
"""


def test_a_third_data_set_is_known_everywhere(place):
    """It is downloaded, trained, evaluated and drawn by every page, though it is neither square nor of ten classes."""
    absent = explorer(place, "data", "shapes")
    assert absent.returncode == 1 and "no Three shapes (20×30) in it" in absent.stderr
    data = answer(place, "data", "shapes", "--from", "shapes.npz")
    assert data["images"] == {"train": 400, "validation": 100, "test": 100}
    settings = ("--preset", "elu", "--dataset", "shapes", "--depth", "2", "--width", "20", "--epochs", "8")
    run = answer(place, "train", *settings, "--learning-rate", "0.003", "--input-scaling", "unit")
    assert run["val_accuracy"] > 0.9
    script = Path(place["FOLDER"]) / "pages.py"
    script.write_text(PAGES)
    done = subprocess.run([sys.executable, script], env=place, capture_output=True, text=True, timeout=600)
    assert done.stdout == "every page is drawn\n", done.stderr


# --- Points are no images ----------------------------------------------------------------------------

POINTS = (
    PAGES.split("if __name__")[0]
    + """
if __name__ == "__main__":
    page = page_alone("evaluate")
    page.query_params["split"] = "test"
    settled(page)
    assert "1,000 test points of Two moons (noise 0.6, seed 1)" in texts(page)
    names = [tab.label for tab in page.tabs]
    assert "Your own image" not in names and names == [name for name in TABS if name != "Your own image"]
    for tab in names:
        page.session_state[TAB] = tab
        settled(page)
        words = texts(page) + " ".join(metric.proto.help for metric in page.metric)
        assert not re.search(r"\\bimages?\\b", words.replace("shown as images", "")), (tab, words)
    page.session_state[TAB] = "Where it fails"
    assert "data:image/svg+xml" in html(settled(page)) and "to see its points" in texts(page)
    page.session_state[TAB] = "Weights"
    assert "does not read pixels" in texts(settled(page))
    print("every page is drawn")
    import os
    os._exit(0)
"""
)


def test_points_are_trained_and_evaluated(place, tmp_path):
    """Every part of Evaluate works on points in a plane, also with a noise of their own, though they are no images."""
    place = place | {"EXPLORER_RUNS": str(tmp_path / "runs"), "FOLDER": str(tmp_path)}
    settings = ("--dataset", "moons_noise60", "--depth", "2", "--width", "20", "--epochs", "8")
    run = answer(place, "train", *settings, "--learning-rate", "0.01", "--input-scaling", "standardized")
    assert run["val_accuracy"] > 0.9
    script = tmp_path / "pages.py"
    script.write_text(POINTS)
    done = subprocess.run([sys.executable, script], env=place, capture_output=True, text=True, timeout=600)
    assert done.stdout == "every page is drawn\n", done.stderr
