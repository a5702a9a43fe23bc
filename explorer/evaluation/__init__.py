"""Evaluation of saved models on labelled images: file checks, predictions, metrics, pictures, reports.

TensorFlow is imported in `model_process.py` alone, which runs in a task process.
"""
