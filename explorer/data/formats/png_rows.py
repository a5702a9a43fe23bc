"""A reader for batches of images as PNG pictures with one image per row, and labels as lists in JSON."""

import io
import json
from collections.abc import Sequence

import numpy as np

from explorer.data.dataset_file import Layout
from explorer.data.formats import Unusable
from explorer.data.formats.cifar_batches import assembled


def from_png_rows(pictures: Sequence[bytes], labels: Sequence[bytes], layout: Layout) -> dict[str, np.ndarray]:
    """Reads the arrays of the layout from all pictures, of which the last is the test batch, and the lists of labels.

    Raises `Unusable` for a file that is damaged or has another size.
    """
    images = [_images(picture, layout) for picture in pictures]
    try:
        numbers = [np.array(json.loads(text)).ravel() for text in labels]
    except (ValueError, RecursionError) as error:
        raise Unusable(f"the labels are not lists of numbers ({error})") from error
    return assembled(images, numbers)


def _images(picture: bytes, layout: Layout) -> np.ndarray:
    """Decodes one PNG to images uint8 [n, height, width, 3], after checking its declared size."""
    from PIL import Image  # imported here, as only this source needs it

    height, width, channels = layout.shape("x_train")[1:]
    try:
        with Image.open(io.BytesIO(picture), formats=["PNG"]) as image:
            if image.mode != "RGB" or image.width != height * width or image.height > layout.shape("x_train")[0]:
                raise Unusable(f"an image in the package has mode {image.mode} and size {image.size}")
            return np.asarray(image).reshape(-1, height, width, channels)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unusable(f"an image in the package is damaged ({error})") from error
