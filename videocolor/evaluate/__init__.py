"""How good the colours are: against known truth, and over time without any."""
