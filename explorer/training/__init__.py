"""Training of a Keras network from a configuration; only this package and `evaluation` import TensorFlow."""
