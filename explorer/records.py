"""Records from JSON by their types: each value is checked for its kind and its bounds while it is read.

A dataclass says with these types what its fields allow; `from_json` makes it or says what is wrong in one sentence.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta

from explorer.errors import LONGEST_SHOWN, shown

MOST_EPOCHS = 1_000_000
LATEST = 7_258_118_400  # the year 2200: a table's dates, in nanoseconds, end in 2262
LONGEST_TEXT = 100_000

Count = Annotated[int, Meta(ge=0, le=2**53)]  # no more is a whole number in every browser
Epoch = Annotated[int, Meta(ge=1, le=MOST_EPOCHS)]
EpochOrStart = Annotated[int, Meta(ge=0, le=MOST_EPOCHS)]
Real = Annotated[float, Meta(ge=-1e40, le=1e40)]  # what 32 bits can hold, and the sums of it
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=1e10)]
Time = Annotated[float, Meta(ge=0, le=LATEST)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Name = Annotated[str, Meta(max_length=255)]
Plain = None | bool | Annotated[int, Meta(ge=-(2**53), le=2**53)] | Real | Text


def from_json(content: bytes, kind: Any) -> Any:
    """The value of a JSON text by its type; raises `ValueError` with what is wrong."""
    try:
        return decoder(kind).decode(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise ValueError(_sentence(content, kind, error)) from None
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8 text") from None
    except msgspec.DecodeError as error:
        raise ValueError(_in_words(error)) from None


def from_values(values: Any, kind: Any) -> Any:
    """The value of plain Python values by its type, as `from_json`'s."""
    try:
        return msgspec.convert(values, kind)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise ValueError(_first_fault(values, kind) or _in_words(error)) from None


@lru_cache
def decoder(kind: Any) -> msgspec.json.Decoder:
    """The decoder of a type, made once."""
    return msgspec.json.Decoder(kind)


def _sentence(content: bytes, kind: Any, error: Exception) -> str:
    try:
        values = msgspec.json.decode(content)
    except (ValueError, RecursionError):  # it is also no JSON further on
        return _in_words(error)
    return _first_fault(values, kind) or _in_words(error)


def _first_fault(values: Any, kind: Any) -> str:
    """The first field whose value is not of its type, with that value; empty where none can be named."""
    if not isinstance(values, Mapping):
        return ""
    for name, own in _fields(kind).items():
        if name not in values:
            continue
        try:
            msgspec.convert(values[name], own)
        except (msgspec.ValidationError, RecursionError) as error:
            return f"{name}: {shown(values[name])} is not allowed ({_in_words(error)})"
    return ""


def _fields(kind: Any) -> dict[str, Any]:
    if is_dataclass(kind):
        return get_type_hints(kind, include_extras=True)
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return {field.name: field.type for field in msgspec.structs.fields(kind)} if is_struct else {}


def _in_words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = str(error).replace("`", "").replace(" - at $.", " at ").replace(" - at $", " at ")
    if len(text) > LONGEST_SHOWN:  # it repeats a value that is none of a field's choices
        text = f"{text[:LONGEST_SHOWN]}…"
    return text if text.startswith("JSON") else text[:1].lower() + text[1:]
