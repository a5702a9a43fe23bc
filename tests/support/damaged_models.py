"""Small models of digits, and files of them that a library in C cannot be done with."""

from pathlib import Path

from explorer.training.frameworks import keras


def digits_model(outputs: int = 10, shape=(8, 8), extra=()) -> keras.Sequential:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), *extra, keras.layers.Dense(outputs, activation="softmax")]
    )


def zeros_in_the_heap(content: bytearray) -> None:
    name = content.rindex(b"/kernel")
    end = content.index(b"\0", name)
    content[end : end + 32] = bytes(32)


def size_that_wraps_around(content: bytearray) -> None:
    name = content.rindex(b"/kernel")
    header = -(-content.index(b"\0", name) // 8) * 8  # of what follows: index, count, four bytes, size
    content[header : header + 16] = b"\1\0\1\0\0\0\0\0" + (2**64 - 16).to_bytes(8, "little")


def looping_file(path: Path, damage=zeros_in_the_heap) -> None:
    """A good file with damage in the heap of its texts, through which the HDF5 library looks for ever."""
    digits_model().save(path)
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
