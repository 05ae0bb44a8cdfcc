"""Frames that a person coloured: which frame a picture shows, how it is fitted, how its colour follows the motion."""
