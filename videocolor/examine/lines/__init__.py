"""The lines of the examination: a module for each kind of complaint, a function `line_N(sitting)` for each line."""
