"""One training loop per file, readable top to bottom."""
