"""Types with bounds for the fields of records, and reading of JSON that checks each value against them."""

import threading
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta

from explorer.errors import LONGEST_QUOTED, quoted

MOST_EPOCHS = 1_000_000
LATEST = 7_258_118_400  # the year 2200: dates of a table, in nanoseconds, end in 2262
LONGEST_TEXT = 100_000
_FIRST_USE = threading.Lock()

Count = Annotated[int, Meta(ge=0, le=2**53)]  # larger whole numbers are not exact in a browser
Epoch = Annotated[int, Meta(ge=1, le=MOST_EPOCHS)]
EpochOrStart = Annotated[int, Meta(ge=0, le=MOST_EPOCHS)]
Real = Annotated[float, Meta(ge=-1e40, le=1e40)]  # any float32, and sums of them
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=1e10)]
Time = Annotated[float, Meta(ge=0, le=LATEST)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Name = Annotated[str, Meta(max_length=255)]
Plain = None | bool | Annotated[int, Meta(ge=-(2**53), le=2**53)] | Real | Text


def from_json(content: bytes, kind: Any) -> Any:
    """The value of a JSON text, checked against a type; raises `ValueError` with the reason."""
    try:
        return decoder(kind).decode(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise ValueError(_sentence(content, kind, error)) from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except msgspec.DecodeError as error:
        raise ValueError(_reason(error)) from None


def from_values(values: Any, kind: Any) -> Any:
    """The value of plain Python values, checked against a type; raises `ValueError` with the reason."""
    decoder(kind)  # so that the fields of its classes are known
    try:
        return msgspec.convert(values, kind)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise ValueError(_first_fault(values, kind) or _reason(error)) from None


def decoder(kind: Any) -> msgspec.json.Decoder:
    """The decoder of a type, created once, and by one thread at a time.

    msgspec reads the fields of a class when it first needs them, and a second thread that needs them meanwhile crashes
    the process.
    """
    with _FIRST_USE:
        return _decoder(kind)


_decoder = lru_cache(msgspec.json.Decoder)


def _sentence(content: bytes, kind: Any, error: Exception) -> str:
    try:
        values = msgspec.json.decode(content)
    except (ValueError, RecursionError):  # it is not JSON further on
        return _reason(error)
    return _first_fault(values, kind) or _reason(error)


def _first_fault(values: Any, kind: Any) -> str:
    """The first field whose value is not allowed, as text; empty if none can be named."""
    if not isinstance(values, Mapping):
        return ""
    for name, field_type in _fields(kind).items():
        if name not in values:
            continue
        try:
            msgspec.convert(values[name], field_type)
        except (msgspec.ValidationError, RecursionError) as error:
            return f"{name}: {quoted(values[name])} is not allowed ({_reason(error)})"
    return ""


def _fields(kind: Any) -> dict[str, Any]:
    if is_dataclass(kind):
        return get_type_hints(kind, include_extras=True)
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return {field.name: field.type for field in msgspec.structs.fields(kind)} if is_struct else {}


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = str(error).replace("`", "").replace(" - at $.", " at ").replace(" - at $", " at ")
    if len(text) > LONGEST_QUOTED:  # it repeats a value that is not one of a field's choices
        text = f"{text[:LONGEST_QUOTED]}…"
    return text if text.startswith("JSON") else text[:1].lower() + text[1:]
