"""Colorizing networks, their cards and weight files. One file per family."""
