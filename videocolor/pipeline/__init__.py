"""The stages put together: plan, segments, run. The only folder that starts threads (in read_ahead.py)."""
