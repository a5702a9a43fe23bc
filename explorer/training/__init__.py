"""Turns a configuration into a trained Keras network: the only room, with evaluation, that knows TensorFlow."""
