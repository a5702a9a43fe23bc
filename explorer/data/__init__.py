"""Data sets: their shapes and classes, splits and files; `download/` downloads them."""
