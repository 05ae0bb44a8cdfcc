"""Filters that steady ab over one shot."""
