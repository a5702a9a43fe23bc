"""Evaluation of saved models on labelled images: file checks, predictions, metrics, pictures, reports.

TensorFlow is imported in `opened_model.py` alone, which runs in a task process.
"""
