"""What the loops share: checkpoints, schedules, averages, precision and the log. Functions, no base class."""
