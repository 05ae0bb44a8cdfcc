"""The second stage: what pictures look like, beside what each pixel's color probably is.

Colors are decoded inside the graph and judged as pictures: by features, by colorfulness, weakly by a critic.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.critics import PatchCritic
from training.data.batches import PictureBatch, center_batches
from training.data.pictures import PictureStore
from training.engine.parallel import Worker, average_gradients
from training.families import imagenet_encoder
from training.losses.adversarial import critic_hinge, generator_hinge
from training.losses.features import FeatureDistance
from training.recipe import RefineRule
from videocolor.color.codec import BinCodec
from videocolor.color.lab import lab_to_rgb
from videocolor.evaluate.batched import colorfulness
from videocolor.examine.views import evenly_spread

_SCALE_PICTURES, _SCALE_SIDE, _BATCH = 64, 128, 16


class Refinement:
    """The losses of refined phases, with the critic that learns beside the network from one phase to the next."""

    rule: RefineRule

    def __init__(self, store: PictureStore, members: list[int], worker: Worker, *, seed: int) -> None:
        self.steps = 0
        self.figures: dict[str, float] = {}
        """Parts of the last step's loss, for the log."""
        self.critic: PatchCritic | None = None
        self._features: FeatureDistance | None = None
        self._store, self._members, self._worker, self._seed = store, members, worker, seed

    def follow(self, rule: RefineRule) -> None:
        """Judge by `rule` from now on; builds what it needs and the last one did not.

        Raises:
            SettingsError: ImageNet's weights are not installed; features of a random network would judge at random.
        """
        if rule.features > 0 and self._features is None:
            self._features = FeatureDistance(imagenet_encoder(), self._examples())
        if rule.adversarial > 0 and self.critic is None:
            torch.manual_seed(self._seed)
            self.critic = PatchCritic().to(memory_format=torch.channels_last)
            self._optimizer = torch.optim.Adam(self.critic.parameters(), betas=(0.0, 0.99))
        if self.critic is not None:
            for group in self._optimizer.param_groups:
                group["lr"] = rule.critic_lr
        self.rule = rule

    def _examples(self) -> list[Tensor]:
        chosen = evenly_spread(self._members, _SCALE_PICTURES)
        return [batch.rgb for batch in center_batches(self._store, chosen, side=_SCALE_SIDE, size=_BATCH)]

    def loss(self, logits: Tensor, cross_entropy: Tensor, batch: PictureBatch) -> Tensor:
        """The generator's loss; keeps the pictures for `teach_critic`.

        The truth is taken with its colors as coarse as the network's: else the critic would learn to see how fine they
        are, and the network would be asked for more chroma in place of detail that it cannot make.

        Args:
            logits: (N, 258, h, w) for the crops of `batch`.
            cross_entropy: Of these logits.
            batch: The crops in color.
        """
        rule = self.rule
        ab, _ = BinCodec(temperature=rule.temperature, gain=1.0).decode_unbounded(logits)
        true_ab = F.avg_pool2d(batch.ab, batch.ab.shape[2] // ab.shape[2])
        rgb, truth = _picture(batch.lightness, ab), _picture(batch.lightness, true_ab)
        parts = {"cross_entropy": rule.cross_entropy * cross_entropy, "ab": rule.ab * (ab - true_ab).abs().mean()}
        if rule.features > 0:
            assert self._features is not None
            parts["features"] = rule.features * self._features(rgb, truth)
        gap = (colorfulness(rgb) - colorfulness(truth)).abs().mean() / 255
        parts["colorfulness"] = rule.colorfulness * gap
        if rule.adversarial > 0:
            assert self.critic is not None
            self.critic.requires_grad_(False)
            weight = rule.adversarial * min(1.0, self.steps / max(1, rule.adversarial_steps))
            parts["adversarial"] = weight * generator_hinge(self.critic(rgb))
        self._real, self._made = truth, rgb.detach()
        self.figures = {f"refine/{name}": part.item() for name, part in parts.items()}
        return torch.stack(list(parts.values())).sum()

    def teach_critic(self) -> None:
        """One step of the critic on the pictures of the last `loss`, after the network's own step."""
        self.steps += 1
        if self.rule.adversarial == 0:
            return
        assert self.critic is not None
        self.critic.requires_grad_(True)
        loss = critic_hinge(self.critic(self._real), self.critic(self._made))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(self.critic, self._worker)
        self._optimizer.step()
        self.figures["refine/critic"] = loss.item()

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        critic = None
        if self.critic is not None:
            critic = {"network": self.critic.state_dict(), "optimizer": self._optimizer.state_dict()}
        return {"steps": self.steps, "critic": critic}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a saved state, by the rule that is followed now."""
        self.steps = state["steps"]
        if self.critic is not None and state["critic"] is not None:
            self.critic.load_state_dict(state["critic"]["network"])
            self._optimizer.load_state_dict(state["critic"]["optimizer"])
            self.follow(self.rule)


def _picture(lightness: Tensor, ab: Tensor) -> Tensor:
    full = F.interpolate(ab, size=lightness.shape[2:], mode="bilinear", align_corners=False)
    return lab_to_rgb(lightness, full)
