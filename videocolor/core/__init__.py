"""Data without behavior: what the stages hand to each other."""
