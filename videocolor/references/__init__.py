"""Frames that a person colored: which frame a picture shows, how it is fitted, how its color follows the motion."""
