"""Weight files: what is published where, fetching, hashes, and where they lie. Needs no torch."""
