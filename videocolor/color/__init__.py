"""All colour maths: pure functions on tensors and planes."""
