"""What encoders trained on ImageNet expect of their input."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's R, G, B in 0..1; the input is (RGB - mean) / std."""
