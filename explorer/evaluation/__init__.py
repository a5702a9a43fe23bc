"""Saved models on labelled images: checks of their files, predictions, metrics, pictures, reports.

TensorFlow is imported in `model_process.py` alone, which runs in a task process.
"""
