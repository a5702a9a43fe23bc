"""Reading of an `.npz` file of images and labels, and writing one; trusts neither pickles nor the sizes in headers."""

import math
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from explorer import zipped
from explorer.data.own.collected import Collected, class_order
from explorer.data.own.limits import (
    LARGEST_NUMBER,
    LARGEST_SIDE,
    MEBIBYTE,
    MOST_ARRAY,
    MOST_FEATURES,
    SMALLEST_SIDE,
)
from explorer.data.own.pictures_in_folders import Shape, opened_zip
from explorer.data.pictures import fitted
from explorer.errors import FieldError, InputError, quoted

if TYPE_CHECKING:
    from explorer.data.datasets import Dataset

FEATURE_NAMES = "feature_names"
WANTED = ("x_train", "y_train", "x_test", "y_test", "class_names", FEATURE_NAMES)
PIXELS_ALLOWED = "pixels must be whole numbers from 0 to 255, or fractions from 0 to 1"
MOST_HEADER = 10_000
MOST_LABEL = 2**53  # larger numbers lose their last digits as floats
_BLOCK = 1000


def read_npz(path: Path, name: str, shape: Shape | None) -> Collected:
    """The images and labels of an `.npz` file, brought to a size if one is given; raises `InputError`.

    Images are uint8 or other whole numbers from 0 to 255, or fractions from 0 to 1, which are multiplied by 255.
    """
    title = f"data: {name!r}"
    with opened_zip(path, title) as (file, entries):
        arrays, others = {}, []
        for entry in entries:
            key = entry.filename.removesuffix(".npy")
            if key in WANTED:
                arrays[key] = _array(file, entry, f"{title}: {key}")
            else:
                others.append(entry.filename[-160:])
    for key in WANTED[:2]:
        if key not in arrays:
            raise InputError(
                f"{title} has no array {key}; it must have x_train and y_train, and may have x_test and y_test"
            )
    return _collected(arrays, others, shape, title)


def _array(file: zipfile.ZipFile, entry: zipfile.ZipInfo, title: str) -> np.ndarray:
    with zipped.damage_as(InputError(f"{title} is damaged, or is not an array")), file.open(entry) as stream:
        shape, dtype = _header(stream)
        if dtype.hasobject:
            raise InputError(f"{title} holds Python objects, which are not opened; save numbers or strings instead")
        size = math.prod(shape) * dtype.itemsize
        if max(size, entry.file_size) > MOST_ARRAY:
            raise InputError(f"{title} has more than {MOST_ARRAY // MEBIBYTE:,} MiB, the most that is allowed")
        if size > entry.file_size:
            raise InputError(f"{title} is damaged: it declares {size:,} bytes and has {entry.file_size:,}")
    with zipped.damage_as(InputError(f"{title} is damaged, or is not an array")), file.open(entry) as stream:
        return npy.read_array(stream, allow_pickle=False, max_header_size=MOST_HEADER)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream, max_header_size=MOST_HEADER)
    return shape, dtype


def _collected(arrays: dict[str, np.ndarray], others: list[str], shape: Shape | None, title: str) -> Collected:
    names, labels = _labels(arrays["y_train"], arrays.get("class_names"), f"{title}: y_train")
    images, scaled = _images(arrays["x_train"], f"{title}: x_train")
    if len(images) != len(labels):
        raise InputError(f"{title} has {len(images):,} images in x_train, but {len(labels):,} labels in y_train")
    test_images, test_labels = images[:0], labels[:0]
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise InputError(f"{title} has only one of x_test and y_test; it must have both or neither")
    if "x_test" in arrays:
        test_images, test_scaled = _images(arrays["x_test"], f"{title}: x_test")
        test_labels = _test_labels(arrays["y_test"], names, arrays.get("class_names"), f"{title}: y_test")
        if len(test_images) != len(test_labels):
            raise InputError(
                f"{title} has {len(test_images):,} images in x_test, but {len(test_labels):,} labels in y_test"
            )
        if test_images.shape[1:] != images.shape[1:] or test_scaled != scaled:
            raise InputError(f"{title}: x_test and x_train differ in shape or in the range of their values")
    if images.ndim == 2:  # a table
        if shape:
            raise FieldError("size", f"{shape.rows}x{shape.columns}", "left out for a table")
        features = _feature_names(arrays.get(FEATURE_NAMES), images.shape[1], title)
        return Collected(names, images, labels, test_images, test_labels, ignored=others, feature_names=features)
    size = images.shape[2], images.shape[1]
    collected = Collected(names, _fit(images, shape), labels, _fit(test_images, shape), test_labels)
    collected.sizes[size] = len(images) + len(test_images)
    collected.ignored, collected.scaled = others, scaled
    if max(collected.images.shape[1:3]) > LARGEST_SIDE or min(collected.images.shape[1:3]) < SMALLEST_SIDE:
        raise InputError(
            f"{title} has images of {size[0]:,} × {size[1]:,} pixels; they must have {SMALLEST_SIDE} to {LARGEST_SIDE} "
            "on each side, or a size must be chosen"
        )
    return collected


def _rows(array: np.ndarray, title: str) -> np.ndarray:
    """The rows of a table, float32 `[N, features]`; raises `InputError`."""
    if array.dtype.kind not in "iufb":
        raise InputError(f"{title} holds {array.dtype}, not numbers")
    if not 1 <= array.shape[1] <= MOST_FEATURES:
        raise InputError(f"{title} has {array.shape[1]:,} features; a table must have 1 to {MOST_FEATURES:,}")
    with np.errstate(over="ignore"):
        rows = array.astype(np.float32)  # first, as the smallest integer of a type has no absolute value in it
    if not (np.abs(rows) <= LARGEST_NUMBER).all():  # also where they are NaN
        raise InputError(f"{title} has missing values, or numbers beyond ±{LARGEST_NUMBER:,}")
    return rows


def _images(array: np.ndarray, title: str) -> tuple[np.ndarray, bool]:
    """Images uint8 `[N, height, width, 1 or 3]`, and whether their pixels were scaled; raises `InputError`.

    The rows of a table are float32 `[N, features]`.
    """
    if array.ndim == 2:
        return _rows(array, title), False
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3) or min(array.shape[1:3], default=0) < 1:
        raise InputError(
            f"{title} has the shape {quoted(array.shape)}; it must be (images, height, width), "
            "(images, height, width, 1), (images, height, width, 3) or (rows, features)"
        )
    if array.dtype == np.uint8:
        return array, False
    if array.dtype.kind not in "iufb":
        raise InputError(f"{title} holds {array.dtype}, not numbers")
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    fractions = array.dtype.kind in "fb" and high <= 1
    if not (low >= 0 and high <= 255):  # also where they are NaN
        raise InputError(f"{title} has values from {low:,.6g} to {high:,.6g}; {PIXELS_ALLOWED}")
    pixels = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), _BLOCK):
        block = array[start : start + _BLOCK]
        whole = np.rint(block * 255.0) if fractions else block
        pixels[start : start + _BLOCK] = whole
        if not fractions and (pixels[start : start + _BLOCK] != block).any():
            raise InputError(
                f"{title} has fractions above 1; pixels must be whole numbers from 0 to 255, or fractions from 0 to 1"
            )
    return pixels, fractions


def _fit(images: np.ndarray, shape: Shape | None) -> np.ndarray:
    """The images as they are, or each brought to a size."""
    if shape is None:
        return np.ascontiguousarray(images)
    from PIL import Image

    fit = np.empty((len(images), shape.rows, shape.columns, shape.channels), np.uint8)
    for place, image in enumerate(images):
        picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).convert("RGB")
        fit[place], _ = fitted(picture, shape.rows, shape.columns, shape.channels)
    return fit


def _labels(array: np.ndarray, given: np.ndarray | None, title: str) -> tuple[tuple[str, ...], np.ndarray]:
    """The names of the classes, and labels int64 `[N]` that number them."""
    texts, numbers = _texts(array, title)
    names = class_order(set(texts))
    places = {name: place for place, name in enumerate(names)}
    if given is not None:
        names = _given_names(names, given, title)
    return names, np.array([places[text] for text in texts], np.int64)[numbers]


def _test_labels(array: np.ndarray, names: tuple[str, ...], given: np.ndarray | None, title: str) -> np.ndarray:
    texts, numbers = _texts(array, title)
    known = names if given is None else tuple(str(place) for place in range(len(names)))
    if unknown := sorted(set(texts) - set(known)):
        raise InputError(f"{title} has the class {quoted(unknown[0])}, which y_train does not have")
    return np.array([known.index(text) for text in texts], np.int64)[numbers]


def _texts(array: np.ndarray, title: str) -> tuple[list[str], np.ndarray]:
    """The different labels as text, and the number of each label, int64 `[N]`."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    floats = array.dtype.kind == "f"
    whole = array.dtype.kind in "iuU" or (floats and (np.abs(array) <= MOST_LABEL).all() and (array % 1 == 0).all())
    if array.ndim != 1 or not whole:
        raise InputError(f"{title} must be one whole number or one string per image, not {array.dtype} {array.shape}")
    values, numbers = np.unique(array.astype(np.int64) if floats else array, return_inverse=True)
    if len(values) > 256 * 4:
        raise InputError(f"{title} has {len(values):,} different labels; a data set has at most 256 classes")
    return [str(value) for value in values], numbers


def _given_names(numbers: tuple[str, ...], given: np.ndarray, title: str) -> tuple[str, ...]:
    if given.ndim != 1 or given.dtype.kind != "U" or numbers != tuple(str(place) for place in range(len(given))):
        raise InputError(
            f"{title}: with class_names, labels must be the whole numbers from 0 to {len(given) - 1}, each used"
        )
    return tuple(str(name) for name in given)


def _feature_names(given: np.ndarray | None, features: int, title: str) -> tuple[str, ...]:
    if given is None:
        return ()
    if given.shape != (features,) or given.dtype.kind != "U":
        raise InputError(f"{title}: {FEATURE_NAMES} must be {features:,} strings, one for each feature of a row")
    return tuple(str(name) for name in given)


def save(name: str, path: str) -> None:
    """Writes the data set with a name as an `.npz` file; a task of a task process."""
    from explorer.data import datasets

    with Path(path).open("wb") as stream:
        write_npz(datasets.load(name), stream)


def write_npz(dataset: "Dataset", stream: IO[bytes]) -> None:
    """Writes a data set as an `.npz` file, which `read_npz` reads as the same images, labels and classes."""
    labelled = dataset.spec.labelled_images
    arrays = {"x_train": dataset.images[:labelled], "y_train": dataset.labels[:labelled]}
    if dataset.spec.test_images:
        arrays |= {"x_test": dataset.images[labelled:], "y_test": dataset.labels[labelled:]}
    if names := dataset.spec.layout.feature_names:
        arrays[FEATURE_NAMES] = np.array(names)
    np.savez_compressed(stream, **arrays, class_names=np.array(dataset.spec.class_names))
