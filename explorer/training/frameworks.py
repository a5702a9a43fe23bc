"""TensorFlow and Keras, from where all other modules import them, so that they are imported quickly.

Garbage collection goes through everything imported so far again and again, and Keras imports scikit-learn (with SciPy's
statistics) and pandas for wrappers and inputs that are unused here; without both, the import takes six tenths of the
time. Imported objects are also exempt from later collections, so a fork does not copy them.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from explorer.garbage import not_searched

UNUSED = ("sklearn", "pandas")


@contextmanager
def _without_unused_packages() -> Iterator[None]:
    hidden = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # a module that is None cannot be imported, and Keras does without it
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with not_searched(), _without_unused_packages():
    import keras
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_optimization_barrier

__all__ = ["keras", "tf", "xla_optimization_barrier"]
