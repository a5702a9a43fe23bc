"""TensorFlow and Keras, imported in two thirds of the usual time: all other modules take them from here.

Python searches for garbage again and again while it imports, in all that it has imported so far; and Keras imports
scikit-learn, with SciPy's statistics, and pandas for wrappers and inputs that are not used here. Without both it takes
3.6 s instead of 6.1 (means of three in turn, on a slow machine). What is imported is never searched again, and so not
copied in a fork either.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NOT_USED = ("sklearn", "pandas")


@contextmanager
def _quickly() -> Iterator[None]:
    hidden = [name for name in NOT_USED if name not in sys.modules]
    searched = gc.isenabled()
    gc.disable()
    sys.modules.update(dict.fromkeys(hidden))  # a module that is None there cannot be imported: Keras does without
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        if searched:
            gc.enable()


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _quickly():
    import keras
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_optimization_barrier
gc.freeze()

__all__ = ["keras", "tf", "xla_optimization_barrier"]
