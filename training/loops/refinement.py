"""The second stage: what pictures look like, beside what each pixel's color probably is.

Colors are decoded inside the graph and judged as pictures: by features, by colorfulness, weakly by a critic.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.critics import PatchCritic
from training.data.batches import PictureBatch, center_square, to_batch
from training.data.pictures import PictureStore
from training.engine.parallel import Part, average_gradients
from training.families import imagenet_encoder
from training.losses.adversarial import critic_hinge, generator_hinge
from training.losses.features import FeatureDistance
from training.recipe import RefineRule
from videocolor.color.codec import ab_bins
from videocolor.color.lab import lab_to_rgb
from videocolor.evaluate.batched import colorfulness

_SCALE_PICTURES, _SCALE_SIDE, _BATCH = 64, 128, 16


class Refinement:
    """The losses of one refined phase, with the critic that learns beside the network."""

    def __init__(self, rule: RefineRule, store: PictureStore, members: list[int], part: Part, *, seed: int) -> None:
        """Measure the features' deviations on some of the training pictures.

        Raises:
            SettingsError: ImageNet's weights are not installed; features of a random network would judge at random.
        """
        self.rule = rule
        self.steps = 0
        self._part = part
        chosen = members[:: max(1, len(members) // _SCALE_PICTURES)][:_SCALE_PICTURES]
        squares = [center_square(store.picture(index), _SCALE_SIDE) for index in chosen]
        batches = [to_batch(squares[start : start + _BATCH]).rgb for start in range(0, len(squares), _BATCH)]
        self.features = FeatureDistance(imagenet_encoder(), batches)
        torch.manual_seed(seed)
        self.critic = PatchCritic().to(memory_format=torch.channels_last)
        self._optimizer = torch.optim.Adam(self.critic.parameters(), lr=rule.critic_lr, betas=(0.0, 0.99))

    def loss(self, logits: Tensor, cross_entropy: Tensor, batch: PictureBatch) -> Tensor:
        """The generator's loss; keeps the pictures for `teach_critic`.

        Args:
            logits: (N, 258, h, w) for the crops of `batch`.
            cross_entropy: Of these logits.
            batch: The crops in color.
        """
        rule = self.rule
        ab = annealed_mean(logits, rule.temperature)
        target = F.avg_pool2d(batch.ab, batch.ab.shape[2] // ab.shape[2])
        full = F.interpolate(ab, size=batch.ab.shape[2:], mode="bilinear", align_corners=False)
        rgb = lab_to_rgb(batch.lightness, full)
        total: Tensor = rule.cross_entropy * cross_entropy + rule.ab * (ab - target).abs().mean()
        total = total + rule.features * self.features(rgb, batch.rgb)
        gap = (colorfulness(rgb) - colorfulness(batch.rgb)).abs().mean() / 255
        total = total + rule.colorfulness * gap
        weight = rule.adversarial * min(1.0, self.steps / max(1, rule.adversarial_steps))
        if rule.adversarial > 0:
            self.critic.requires_grad_(False)
            total = total + weight * generator_hinge(self.critic(rgb))
        self._real, self._made = batch.rgb, rgb.detach()
        return total

    def teach_critic(self) -> None:
        """One step of the critic on the pictures of the last `loss`, after the network's own step."""
        self.steps += 1
        if self.rule.adversarial == 0:
            return
        self.critic.requires_grad_(True)
        loss = critic_hinge(self.critic(self._real), self.critic(self._made))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(self.critic, self._part)
        self._optimizer.step()

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {
            "steps": self.steps,
            "critic": self.critic.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.steps = state["steps"]
        self.critic.load_state_dict(state["critic"])
        self._optimizer.load_state_dict(state["optimizer"])


def annealed_mean(logits: Tensor, temperature: float) -> Tensor:
    """Ab (N, 2, h, w) of bin logits (N, 258, h, w) as `BinCodec.decode` gives it without gain, differentiable."""
    shares = torch.softmax(logits.permute(0, 2, 3, 1).float() / temperature, dim=3)
    ab: Tensor = shares @ ab_bins(logits.device)
    return ab.permute(0, 3, 1, 2)
