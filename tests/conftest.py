"""For all tests: one torch thread, and properties that are searched the same way on every run."""

import hypothesis
import torch

torch.set_num_threads(1)
hypothesis.settings.register_profile("videocolor", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("videocolor")
