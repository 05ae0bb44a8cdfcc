"""Training of videocolor's own models. Runs from a checkout (`python -m training`); not part of the wheel."""
