"""MNIST and Fashion-MNIST: 70,000 grey images of 28 × 28 pixels in ten classes each, in the same format."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from explorer.data.dataset_file import Layout, Part
from explorer.data.origin import DebianPackage, Downloaded, Files, WebFile
from explorer.data.spec import DatasetSpec

if TYPE_CHECKING:
    from explorer.data.origin import Arrays

FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
_SHAPES = {"x_train": (60_000, 28, 28), "x_test": (10_000, 28, 28), "y_train": (60_000,), "y_test": (10_000,)}


def _from_idx(files: Mapping[str, bytes], layout: Layout) -> "Arrays":
    from explorer.data.formats.idx import from_idx

    return from_idx(files, FILES, layout)


def _layout(**hashes: str) -> Layout:
    return Layout(tuple(Part(name, _SHAPES[name], hashes[name]) for name in FILES))


MNIST = DatasetSpec(
    name="mnist",
    title="MNIST",
    class_names=tuple("0123456789"),
    max_value=255,
    dark_background=True,
    licence="CC BY-SA 3.0",
    source="https://yann.lecun.org/exdb/mnist/",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-Based Learning Applied to Document Recognition. "
    "Proceedings of the IEEE 86(11), 1998",
    layout=_layout(
        x_train="741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        x_test="6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        y_train="1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        y_test="ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
    origin=Downloaded(
        published=Files(
            original="http://yann.lecun.com/exdb/mnist/",
            mirrors=(
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
            ),
            files=(
                WebFile(
                    FILES["x_train"],
                    9_912_422,
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                ),
                WebFile(
                    FILES["x_test"],
                    1_648_877,
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
                WebFile(FILES["y_train"], 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
                WebFile(FILES["y_test"], 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
            ),
            folder="MNIST",
            read=_from_idx,
        ),
        keras_cache=("mnist.npz",),
    ),
    loading="""
(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
""",
)

FASHION_MNIST = DatasetSpec(
    name="fashion_mnist",
    title="Fashion-MNIST",
    class_names=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    max_value=255,
    dark_background=True,
    licence="MIT",
    source="https://github.com/zalandoresearch/fashion-mnist",
    citation="H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
    "Algorithms. arXiv:1708.07747, 2017",
    layout=_layout(
        x_train="2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        x_test="c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        y_train="657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        y_test="3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
    origin=Downloaded(
        published=Files(
            original="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            mirrors=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/",),
            files=(
                WebFile(
                    FILES["x_train"],
                    26_421_880,
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                ),
                WebFile(
                    FILES["x_test"],
                    4_422_102,
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                ),
                WebFile(FILES["y_train"], 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
                WebFile(FILES["y_test"], 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
            ),
            folder="fashion-mnist",
            read=_from_idx,
        ),
        packages=(
            DebianPackage(
                name="dataset-fashion-mnist",
                bytes=30_900_652,
                folder="usr/share/datasets/fashion-mnist",
                members=tuple(FILES.values()),
                read=_from_idx,
            ),
        ),
        keras_cache=("fashion-mnist",),
    ),
    loading="""
(x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
""",
)
