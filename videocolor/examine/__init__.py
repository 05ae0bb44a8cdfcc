"""The examination: what users complain of in colorizers, line by line, as tests that any model can take."""
