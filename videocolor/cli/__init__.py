"""The command line: parse, build settings, call the library, print. One file per command."""
