"""`python -m videocolor`."""

from videocolor.cli.main import main

main()
