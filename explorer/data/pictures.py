"""Decoding of pictures that may come from anywhere, and bringing them to the shape of a data set's images.

A file is checked before it is decoded, and only three formats are decoded.
"""

import io

import numpy as np

from explorer.errors import InputError

FORMATS = ("PNG", "JPEG", "WEBP")
ALLOWED = "a PNG, JPEG or WebP image"
LARGEST_UPLOAD = 20 * 2**20
MOST_PIXELS = 50_000_000


def decode(content: bytes, title: str):
    """The picture in a file, as RGB and upright, and its format; raises `InputError`, in which `title` is its name."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise InputError(f"{title} is empty (0 bytes); it must be {ALLOWED}")
    if len(content) > LARGEST_UPLOAD:
        raise InputError(f"{title} has more than {LARGEST_UPLOAD // 2**20} MiB; choose a smaller image")
    if content[:6] in (b"GIF87a", b"GIF89a"):
        raise InputError(f"{title} is a GIF; it must be {ALLOWED}")
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        width, height = picture.size
        if width * height > MOST_PIXELS:
            raise InputError(
                f"{title} has {width:,} × {height:,} pixels; at most {MOST_PIXELS // 10**6} million are allowed"
            )
        kind = "JPEG" if picture.format == "MPO" else picture.format  # several JPEGs in one file, as some cameras write
        if getattr(picture, "is_animated", False) and kind != "JPEG":
            raise InputError(f"{title} is animated; it must be {ALLOWED} without animation")
        picture.load()
        return _as_rgb(ImageOps.exif_transpose(picture)), kind
    except UnidentifiedImageError as error:
        raise InputError(f"{title} cannot be read as an image; it must be {ALLOWED}") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{title} has too many pixels; at most {MOST_PIXELS // 10**6} million are allowed") from error
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        MemoryError,
        OverflowError,
    ) as error:  # raised by Pillow for damaged files
        raise InputError(f"{title} is truncated or damaged; it must be {ALLOWED}") from error


def _as_rgb(picture):
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":  # grey of 16 or 32 bits
        values = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        picture = Image.fromarray(np.clip(values * 255 / top, 0, 255).astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def fitted(picture, rows: int, columns: int, channels: int) -> tuple[np.ndarray, list[str]]:
    """A picture as uint8 `[rows, columns, channels]`, and in words what was changed.

    It is cropped to the proportions of the array around its centre, and resized; with one channel it is grey.
    """
    from PIL import Image

    changes = []
    width, height = _largest_within(picture.size, columns, rows)
    if picture.size != (width, height):
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        picture = picture.crop((left, top, left + width, top + height))
        changes.append(f"cropped to its central {'square' if rows == columns else f'part of {columns}:{rows}'}")
    if channels == 1:
        picture = picture.convert("L")
    if picture.size != (columns, rows):
        larger = width > columns
        picture = picture.resize((columns, rows), Image.Resampling.BOX if larger else Image.Resampling.BICUBIC)
        changes.append(f"{'shrunk' if larger else 'enlarged'} to {columns} × {rows}")
    return np.asarray(picture).reshape(rows, columns, channels), changes


def has_light_edge(image: np.ndarray) -> bool:
    """Whether the edge of an image uint8 `[height, width, …]` is light: it shows ink on paper, not light on dark."""
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return edge.mean() > 127


def _largest_within(size: tuple[int, int], columns: int, rows: int) -> tuple[int, int]:
    """Width and height of the largest part of a picture that has the proportions of columns to rows."""
    width, height = size
    if width * rows > height * columns:
        return max(1, height * columns // rows), height
    return width, max(1, width * rows // columns)
