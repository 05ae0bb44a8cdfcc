"""The smallest networks of every family with weights like trained ones: none explodes, none answers nothing."""

import io

import torch

from videocolor.models.registry import family_module

TINY = {
    "compact": {"decoder_widths": [16, 16, 16], "encoder_width": 0.25},
    "deoldify": {"encoder": "resnet18", "decoder": "deep", "factor": 0.25},
    "ddcolor": {
        "depths": [1, 1, 1, 1],
        "dims": [16, 32, 48, 64],
        "decoder_width": 32,
        "queries": 5,
        "decoder_layers": 4,
    },
}


def tiny_network(family):
    torch.manual_seed(0)
    network = family_module(family).build(TINY[family])
    # The vectors of fresh spectral norms are random, and those of fresh batch norms 0 and 1: training mode finds them.
    with torch.no_grad():
        for _ in range(8):
            network(network.to_input(torch.rand(2, 1, 64, 64) * 100))
    return network.eval()


def published_bytes(content, *, is_zip=True):
    """What a file of torch would hold."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=is_zip)
    return buffer.getvalue()


def ab_of(network):
    """What it answers to a made picture of 64 x 96."""
    lightness = torch.rand(1, 1, 64, 96, generator=torch.Generator().manual_seed(1)) * 100
    with torch.no_grad():
        return network.to_ab(network(network.to_input(lightness)), lightness).ab
