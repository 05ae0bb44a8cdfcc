"""Where shots begin, how shots become segments, and whether frames are combed. Decides on numbers; decodes nothing."""
