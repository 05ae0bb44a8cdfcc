"""Photographs for training: the cache, the split, batches and what film does to pictures."""
