"""Files that appear whole or not at all."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def replace_file(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A binary stream whose content replaces the file when the block ends well, and is gone when it does not.

    A durable one is on the disk itself when the block ends, so it outlives a power cut too.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Replaces a file by a value as indented JSON."""
    with replace_file(path, durable=durable) as stream:
        stream.write((json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; raises `ValueError` when there is none, `OSError` when it cannot be read."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    return value
