"""Data without behaviour: what the stages hand to each other."""
