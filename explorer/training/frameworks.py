"""TensorFlow and Keras, from where all other modules import them."""

import os

from explorer.training.lean_import import lean_import

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with lean_import():
    import keras
    import tensorflow as tf

__all__ = ["keras", "tf"]
