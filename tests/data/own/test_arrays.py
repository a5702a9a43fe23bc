"""Arrays that a person adds as an `.npz` file: what is read, what is refused and in which words."""

import io
import os
import random

import numpy as np
import pytest
from own_data import added, refused
from own_pictures import write_zip

from explorer.data import datasets
from explorer.data.own import report_text
from explorer.data.own.arrays import read_npz, write_npz
from explorer.errors import ExplorerError


def arrays(count: int = 30, shape: tuple[int, ...] = (6, 5, 3), seed: int = 1) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        "x_train": generator.integers(0, 256, (count, *shape), dtype=np.uint8),
        "y_train": np.arange(count) % 3,
    }


def npz(tmp_path, name: str = "x.npz", **contents: np.ndarray):
    path = tmp_path / name
    np.savez_compressed(path, **contents)
    return path


def test_an_npz_file_is_read_as_it_is(tmp_path):
    given = arrays() | {"x_test": arrays(6, seed=2)["x_train"], "y_test": np.array([0, 1, 2, 2, 1, 0])}
    description = added(npz(tmp_path, **given, extra=np.zeros(3)))
    assert description.class_names == ("0", "1", "2") and description.spec.image_shape == (6, 5, 3)
    assert description.report.test == (2, 2, 2) and description.report.ignored == ("extra.npy",)
    dataset = datasets.load("flowers")
    known = {image.tobytes(): label for image, label in zip(given["x_train"], given["y_train"], strict=True)}
    known |= {image.tobytes(): label for image, label in zip(given["x_test"], given["y_test"], strict=True)}
    assert [known[image.tobytes()] for image in dataset.images] == dataset.labels.tolist()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int64, np.uint16])
def test_whole_numbers_and_fractions_become_the_same_pixels(tmp_path, kind):
    given = arrays()
    pixels = given["x_train"].astype(kind)
    if kind in (np.float32, np.float64):
        pixels /= 255
    description = added(npz(tmp_path, x_train=pixels, y_train=given["y_train"]))
    assert description.hash == added(npz(tmp_path, "y.npz", **given)).hash
    assert description.report.scaled == (kind in (np.float32, np.float64))


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1)])
def test_grey_arrays_have_one_channel(tmp_path, shape):
    assert added(npz(tmp_path, **arrays(shape=shape))).spec.image_shape == (6, 5, 1)


def test_arrays_are_brought_to_a_size_where_one_is_given(tmp_path):
    given = arrays(shape=(400, 300))
    with pytest.raises(ExplorerError, match="has images of 300 × 400 pixels; they must have 2 to 256 on each side"):
        added(npz(tmp_path, **given))
    description = added(npz(tmp_path, **given), size=(8, 8), grey=True)
    assert description.spec.image_shape == (8, 8, 1)
    assert report_text.remarks(description.report) == ["All images had 300 × 400 pixels."]


def test_scanned_digits_keep_their_largest_value_and_are_light_on_dark(tmp_path):
    digits = datasets.load("digits")
    spec = added(npz(tmp_path, x_train=digits.images, y_train=digits.labels)).spec
    assert spec.max_value == 16 and spec.class_names == tuple("0123456789")
    dark = np.zeros((30, 8, 8), np.uint8)
    dark[:, 3:5, 3:5] = np.random.default_rng(1).integers(200, 256, (30, 2, 2))
    assert added(npz(tmp_path, "d.npz", x_train=dark, y_train=np.arange(30) % 2), "dark").dark_background
    assert not added(npz(tmp_path, "c.npz", **arrays()), "colour").dark_background


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array(["cat", "dog", "ant"])[np.arange(30) % 3], ("ant", "cat", "dog")),
        (np.array([7, 10, 9])[np.arange(30) % 3], ("7", "9", "10")),
        (np.arange(30)[:, None] % 3, ("0", "1", "2")),
        (np.arange(30) % 3 * 1.0, ("0", "1", "2")),
    ],
)
def test_labels_may_be_numbers_or_texts(tmp_path, labels, names):
    assert added(npz(tmp_path, **arrays() | {"y_train": labels})).class_names == names


def test_names_of_the_classes_may_be_given(tmp_path):
    names = np.array(["ant", "bee", "cow"])
    assert added(npz(tmp_path, **arrays(), class_names=names)).class_names == ("ant", "bee", "cow")
    with pytest.raises(ExplorerError, match="with class_names, labels must be the whole numbers from 0 to 1"):
        added(npz(tmp_path, "y.npz", **arrays(), class_names=names[:2]), "other")


GIVEN = arrays()
WRONG = {
    "no labels": ({"x_train": GIVEN["x_train"]}, "has no array y_train"),
    "too few labels": (GIVEN | {"y_train": GIVEN["y_train"][:7]}, "has 30 images in x_train, but 7 labels in y_train"),
    "half a test split": (GIVEN | {"x_test": GIVEN["x_train"]}, "has only one of x_test and y_test"),
    "an unknown class": (
        GIVEN | {"x_test": GIVEN["x_train"][:1], "y_test": np.array([9])},
        "y_test has the class '9', which y_train does not have",
    ),
    "test images of another shape": (
        GIVEN | {"x_test": GIVEN["x_train"][:, :3], "y_test": GIVEN["y_train"]},
        "x_test and x_train differ in shape or in the range of their values",
    ),
    "channels first": (
        GIVEN | {"x_train": GIVEN["x_train"].transpose(0, 3, 1, 2)},
        "x_train has the shape (30, 3, 6, 5)",
    ),
    "values beyond a byte": (
        GIVEN | {"x_train": GIVEN["x_train"] * 4.5},
        "x_train has values from 0 to 1,147.5; pixels must",
    ),
    "negative values": (
        GIVEN | {"x_train": GIVEN["x_train"] / 127.5 - 1},
        "x_train has values from -1 to 1; pixels must",
    ),
    "NaN": (GIVEN | {"x_train": np.full((30, 6, 5), np.nan)}, "x_train has values from nan to nan; pixels must"),
    "fractions above 1": (GIVEN | {"x_train": GIVEN["x_train"] / 2}, "x_train has fractions above 1; pixels must"),
    "texts as images": (GIVEN | {"x_train": np.full((30, 6, 5), "a")}, "x_train holds <U1, not numbers"),
    "fractions as labels": (
        GIVEN | {"y_train": GIVEN["y_train"] / 2},
        "y_train must be one whole number or one string per",
    ),
    "infinite labels": (
        GIVEN | {"y_train": np.where(GIVEN["y_train"] == 2, np.inf, GIVEN["y_train"])},
        "y_train must be one whole number or one string per",
    ),
    "labels beyond integers": (
        GIVEN | {"y_train": GIVEN["y_train"] * 1e300},
        "y_train must be one whole number or one string per",
    ),
    "NaN among labels": (
        GIVEN | {"y_train": np.where(GIVEN["y_train"] == 2, np.nan, GIVEN["y_train"])},
        "y_train must be one whole number or one string per",
    ),
    "a label per pixel": (
        GIVEN | {"y_train": np.zeros((30, 6), int)},
        "y_train must be one whole number or one string per",
    ),
    "a label per image": (
        GIVEN | {"y_train": np.arange(30)},
        "has 1 image of the class '0'; a class must have at least 5",
    ),
    "Python objects": (
        GIVEN | {"y_train": np.array([{}] * 30)},
        "y_train holds Python objects, which are not opened; save numbers or strings instead",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_arrays_that_are_no_images_and_labels_are_refused(tmp_path, kind):
    contents, sentence = WRONG[kind]
    assert sentence in refused(npz(tmp_path, **contents))


def test_a_pickle_in_an_npz_file_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    path = npz(tmp_path, **GIVEN | {"x_train": np.array([Trap()] * 30)})
    assert "holds Python objects, which are not opened" in refused(path)
    assert not (tmp_path / "sprung").exists()


def declared(shape: tuple[int, ...], content: bytes = b"") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


def test_an_array_that_its_header_declares_larger_than_it_is_takes_no_memory(tmp_path):
    labels = io.BytesIO()
    np.save(labels, GIVEN["y_train"])
    for name, shape, sentence in (
        (
            "a.npz",
            (10**6, 10**6),
            "x_train has more than 1,024 MiB, the most that is allowed",
        ),
        ("b.npz", (30, 500, 500), "x_train is damaged: it declares 7,500,000 bytes and has "),
        ("c.npz", (-1, 5), "x_train is damaged, or is not an array"),
    ):
        path = write_zip(
            tmp_path / name, [("x_train.npy", declared(shape, b"xyz")), ("y_train.npy", labels.getvalue())]
        )
        assert sentence in refused(path), name
    path = write_zip(tmp_path / "d.npz", [("x_train.npy", b"no array"), ("y_train.npy", labels.getvalue())])
    assert "x_train is damaged, or is not an array" in refused(path)


@pytest.mark.parametrize("shape", [(6, 5, 3), (6, 5), (4,)])
def test_a_saved_data_set_is_the_same_where_it_is_added_again(tmp_path, shape):
    given = arrays(shape=shape) | {"x_test": arrays(9, shape, seed=2)["x_train"], "y_test": np.arange(9) % 3}
    names = np.array(["cow", "ant", "bee"])
    if len(shape) == 1:
        given |= {name: given[name] / 7 - 9 for name in ("x_train", "x_test")}
    first = added(npz(tmp_path, **given, class_names=names), seed=5)
    with (tmp_path / "saved.npz").open("wb") as stream:
        write_npz(datasets.load(first.full_name), stream)
    assert added(tmp_path / "saved.npz", seed=5).full_name == first.full_name
    assert first.class_names == ("cow", "ant", "bee")


def test_a_table_in_an_npz_file_must_have_numbers_within_bounds(tmp_path):
    labels = np.arange(30) % 3
    for name, values, sentence in (
        ("a.npz", np.full((30, 2), np.nan), "has missing values, or numbers beyond ±1,000,000,000"),
        ("b.npz", np.zeros((30, 5000)), "has 5,000 features; a table must have 1 to 4,096"),
        ("c.npz", np.full((30, 2), "a"), "holds <U1, not numbers"),
        # the smallest integer has no absolute value in its own type
        ("d.npz", np.full((30, 2), -(2**63)), "has missing values, or numbers beyond ±1,000,000,000"),
        ("e.npz", np.full((30, 2), 2**64 - 1, np.uint64), "has missing values, or numbers beyond ±1,000,000,000"),
        ("f.npz", np.full((30, 2), -1e300), "has missing values, or numbers beyond ±1,000,000,000"),
    ):
        assert sentence in refused(npz(tmp_path, name, x_train=values, y_train=labels)), name


def test_a_size_is_refused_for_a_table_in_an_npz_file_as_it_was_given(tmp_path):
    path = npz(tmp_path, x_train=np.zeros((30, 2)), y_train=np.arange(30) % 3)
    assert refused(path, size=(8, 12)) == "size: '8x12' is not allowed; it must be left out for a table"


def test_any_damage_to_an_array_is_one_sentence_or_none(tmp_path):
    """The checksums fit, so that NumPy reads what is damaged: its header, which is a Python literal, and its bytes."""
    contents = {}
    for name, array in arrays().items():
        stream = io.BytesIO()
        np.save(stream, array)
        contents[f"{name}.npy"] = stream.getvalue()
    refusals = 0
    for seed in range(3000):
        chosen, damaged = random.Random(seed), {name: bytearray(content) for name, content in contents.items()}
        content = damaged[chosen.choice(list(damaged))]
        for _ in range(chosen.choice((1, 2, 8))):
            content[chosen.randrange(130)] = chosen.choice((chosen.randrange(256), *b"()[]{},:'\n"))
        path = write_zip(tmp_path / "x.npz", [(name, bytes(content)) for name, content in damaged.items()])
        try:
            read_npz(path, "x.npz", None)
        except ExplorerError as error:
            refusals += 1
            assert "\n" not in f"{error}" and len(f"{error}") < 400, error
    assert refusals > 1000
