"""The command line: the same things as the pages, without a browser."""
