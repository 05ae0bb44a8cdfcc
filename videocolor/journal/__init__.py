"""What survives a crash: the plan, the finished segments, and the question whether two runs are the same run."""
