"""TensorFlow and Keras, imported in six tenths of the usual time: all other modules take them from here.

Python searches for garbage again and again while it imports, in all that it has imported so far; and Keras imports
scikit-learn, with SciPy's statistics, and pandas for wrappers and inputs that are not used here. Without both it takes
3.6 s instead of 6.1 (means of three in turn, on a slow machine). What is imported is never searched again, and so not
copied in a fork either.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from explorer.garbage import not_searched

NOT_USED = ("sklearn", "pandas")


@contextmanager
def _without_what_is_not_used() -> Iterator[None]:
    hidden = [name for name in NOT_USED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # a module that is None there cannot be imported: Keras does without
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with not_searched(), _without_what_is_not_used():
    import keras
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_optimization_barrier

__all__ = ["keras", "tf", "xla_optimization_barrier"]
