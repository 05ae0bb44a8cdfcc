"""All color maths: pure functions on tensors and planes."""
