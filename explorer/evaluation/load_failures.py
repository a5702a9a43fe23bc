"""A table from errors of Keras, TensorFlow and h5py to what they mean for the person who has the file.

Their own messages are not shown: they quote the file, span several lines, and address a programmer.
"""

import re

SAVE_AGAIN = "open it with the version that wrote it and save it again with model.save('name.keras')"
NO_MEMORY = "there is not enough memory for its layers"
UNKNOWN = f"this version of Keras cannot read it; {SAVE_AGAIN}"
DESCRIPTION = f"this version of Keras cannot read the configuration of its layers; {SAVE_AGAIN}"

# the first pattern that matches counts
TEXTS = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (r"out of memory|OOM when|unable to allocate", NO_MEMORY),
        (r"unique names|already the name of a layer", "two of its layers have the same name"),
        (
            r"layer count mismatch|weight count mismatch|shape mismatch|expected \d+ variables|shape of the target"
            r"|objects could not be loaded|axes don't match|weights? shape|saved layers",
            "its weights do not match its layers",
        ),
        (
            r"unable to (synchronously )?(open|get|read|determine|locate)|can't (synchronously )?(open|read|determine)"
            r"|doesn't exist\)|object .* not found|while decoding|h5py|hdf5",
            "its weights are missing or damaged",
        ),
        (
            r"never been called|(not|n't|never) been built|no defined (input|output)|undefined shape"
            r"|must first be built|has no attribute '(input|output)_shape'",
            "its input shape is undefined; add an Input layer at its beginning and save it again",
        ),
        (
            r"incompatible with the layer|total size of the (tensor|array)|cannot reshape|can not squeeze|merge layer"
            r"|incompatible shapes|must be equal, but are|inputs? with (the same|different|matching|incompatible) shape"
            r"|to have (min_)?(ndim|rank)|axis .* (does not exist|out of)|dimensions? must be",
            "the shapes of its layers do not match",
        ),
        (
            r"deserializ|unrecognized keyword|unexpected keyword|could not interpret|could not locate|unknown (layer|`)"
            r"|valid keras configuration|dtypepolicy|to a shape|invalid (dimension|dtype|value)|received",
            DESCRIPTION,
        ),
    )
)
KINDS = {
    "MemoryError": NO_MEMORY,
    "ResourceExhaustedError": NO_MEMORY,
    "RecursionError": "its layers are nested too deeply",
    "OverflowError": "its configuration contains a number that is too large",
    "TypeError": DESCRIPTION,
    "AttributeError": DESCRIPTION,
    "KeyError": "a part that it refers to is missing",
    "IndexError": DESCRIPTION,
}


def cause(error: BaseException) -> str:
    """The end of a sentence that says why a model cannot be opened or evaluated."""
    text = str(error).rpartition("Exception encountered:")[2][:20_000]  # before it, Keras quotes the configuration
    matches = (meaning for pattern, meaning in TEXTS if pattern.search(text))
    kind = next((KINDS[each.__name__] for each in type(error).__mro__ if each.__name__ in KINDS), UNKNOWN)
    return kind if kind is NO_MEMORY else next(matches, kind)
