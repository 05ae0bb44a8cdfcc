"""How good the colors are: against known truth, and over time without any."""
