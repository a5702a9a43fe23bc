"""Saved models on labelled images: the files and their dangers, predictions, figures, pictures, exports.

TensorFlow is imported in `network.py` alone, which runs in the process of the desk; all else is arrays and words.
"""
