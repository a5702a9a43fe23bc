"""A file with a line per epoch, each with some bytes: which images are classified correctly, a decision boundary."""

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer import records
from explorer.files import append_line, read_bytes, replace_file
from explorer.records import MOST_EPOCHS


@dataclass(frozen=True)
class EpochBytes:
    """A kind of such files: the key of the bytes in a line, and the most bytes of a file."""

    key: str
    most_bytes: int

    def append(self, path: Path, epoch: int, content: bytes) -> None:
        """Adds one epoch."""
        append_line(path, self._line(epoch, content), durable=False)

    def keep(self, path: Path, last: int) -> None:
        """Removes every epoch after `last`, and all lines that cannot be read."""
        if path.exists():
            kept = [self._line(epoch, content) for epoch, content in self._parsed(self._lines(path)) if epoch <= last]
            with replace_file(path) as stream:
                stream.write("".join(f"{line}\n" for line in kept).encode())

    def read(self, path: Path, epoch: int, size: int) -> bytes | None:
        """The bytes of an epoch; None where they are unknown, damaged, or not so many."""
        contents = (content for number, content in self._parsed(self._lines(path)) if number == epoch)
        return next((content for content in contents if len(content) == size), None)

    def last(self, path: Path, size: int) -> tuple[int, bytes] | None:
        """The last epoch with so many bytes, and these; None where there is none."""
        lines = self._parsed(reversed(self._lines(path)))
        return next(((epoch, content) for epoch, content in lines if len(content) == size), None)

    def _line(self, epoch: int, content: bytes) -> str:
        return json.dumps({"epoch": epoch, self.key: base64.b64encode(content).decode("ascii")})

    def _lines(self, path: Path) -> list[bytes]:
        with suppress(OSError, ValueError):
            return read_bytes(path, self.most_bytes).split(b"\n")[:-1]
        return []

    def _parsed(self, lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):
                values = records.from_json(line, dict[str, Any])
                epoch, content = values["epoch"], base64.b64decode(values[self.key], validate=True)
                if type(epoch) is int and 0 <= epoch <= MOST_EPOCHS:
                    yield epoch, content
