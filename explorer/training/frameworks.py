"""TensorFlow and Keras, from where all other modules import them."""

import atexit
import os

from explorer.scratch import ScratchFolder
from explorer.training.lean_import import lean_import, native_messages_hidden

_folder = ScratchFolder()
atexit.register(_folder.remove)
# XLA looks here before it compiles, and leaves here what it has compiled (`stored_programs` keeps that on disk);
# processes that are forked from this one share the folder
XLA_FOLDER = _folder.path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow reads it when it runs its first function; of two folders, as where a parent has set one, the last counts
os.environ["TF_XLA_FLAGS"] = (
    f"{os.environ.get('TF_XLA_FLAGS', '')} "
    f'--tf_xla_persistent_cache_directory="{XLA_FOLDER}" --tf_xla_persistent_cache_device_types=CPU'
)
with lean_import(), native_messages_hidden():
    import keras
    import tensorflow as tf

__all__ = ["XLA_FOLDER", "keras", "set_graph_optimizer", "tf"]


def set_graph_optimizer(on: bool) -> None:
    """Turns TensorFlow's own optimizer of graphs, Grappler, on or off; for the whole process.

    It makes no program faster that XLA compiles, and takes up to a third of the time in which one is read from disk.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not on})
