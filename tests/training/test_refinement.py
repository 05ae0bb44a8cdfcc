"""The second stage: its losses in closed form, and that a run with it stops and resumes as one go."""

from dataclasses import replace

import pytest
import torch
from tiny_training import noise_store, tiny_recipe

from training.critics import PatchCritic
from training.data.batches import to_batch
from training.engine.checkpoint import load_checkpoint
from training.engine.parallel import Part
from training.loops import refinement as module
from training.loops.refinement import Refinement, annealed_mean
from training.loops.supervised import train
from training.losses.adversarial import critic_hinge, generator_hinge
from training.losses.features import FeatureDistance
from training.recipe import RefineRule
from videocolor.color.codec import BinCodec, ab_bins
from videocolor.errors import SettingsError
from videocolor.models.compact import Lite2Encoder

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")

REFINE = (
    "phases.1.refine={cross_entropy=0.5, ab=0.1, features=1.0, colorfulness=0.05, adversarial=0.05, "
    "adversarial_steps=2, critic_lr=1e-4, temperature=0.5}"
)
NOTHING = RefineRule(
    cross_entropy=0,
    ab=0,
    features=0,
    colorfulness=0,
    adversarial=0,
    adversarial_steps=10,
    critic_lr=1e-3,
    temperature=0.5,
)


@pytest.fixture(autouse=True)
def _small_encoder(monkeypatch):
    """A quarter of Lite2 with fixed random numbers: the package with ImageNet's weights is not needed here."""

    def encoder():
        torch.manual_seed(3)
        return Lite2Encoder(0.25, folded=False)

    monkeypatch.setattr(module, "imagenet_encoder", encoder)


def test_hinge_losses():
    real, made = torch.tensor([2.0, 0.0]), torch.tensor([-2.0, 0.5])

    assert critic_hinge(real, made).item() == pytest.approx(0.5 + 0.75)
    assert generator_hinge(made).item() == pytest.approx(0.75)


def test_features_tell_colors_apart_and_equal_pictures_not():
    torch.manual_seed(0)
    pictures = torch.rand(4, 3, 64, 64)
    distance = FeatureDistance(module.imagenet_encoder(), [pictures])
    tinted = (pictures * torch.tensor([1.0, 0.8, 0.6])[:, None, None]).requires_grad_()

    loss = distance(tinted, pictures)
    loss.backward()

    assert distance(pictures, pictures).item() == 0
    assert loss.item() > 0.01
    assert tinted.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in distance.parameters())
    assert not distance.train().training


def test_decoding_inside_the_graph_is_the_codecs():
    torch.manual_seed(1)
    logits = torch.randn(2, 258, 3, 4) * 4

    torch.testing.assert_close(
        annealed_mean(logits, 0.5), BinCodec(temperature=0.5, gain=1.0).decode(logits)[0], atol=1e-3, rtol=1e-4
    )


def test_the_critic_judges_patches():
    answers = PatchCritic(width=8)(torch.rand(2, 3, 128, 128))

    assert answers.shape == (2, 1, 7, 7)


def test_decoding_can_be_differentiated_after_an_evaluation():
    """The loss on tuning pictures is taken in inference mode, and whoever asks first for the bins makes them."""
    ab_bins.cache_clear()
    with torch.inference_mode():
        ab_bins(torch.device("cpu"))
    logits = torch.randn(1, 258, 2, 2, requires_grad=True)

    annealed_mean(logits, 0.5).sum().backward()

    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", ["ab", "features", "colorfulness", "adversarial"])
def test_every_loss_reaches_the_logits(name):
    store = noise_store(4)
    batch = to_batch([store.picture(index)[:64, :64] for index in range(4)])
    rule = replace(NOTHING, **{name: 1.0})
    refinement = Refinement(rule, store, [0, 1, 2, 3], Part(), seed=1)
    refinement.steps = 5
    torch.manual_seed(2)
    logits = torch.randn(4, 258, 16, 16, requires_grad=True)

    refinement.loss(logits, torch.tensor(0.0), batch).backward()

    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().sum() > 0


def test_white_pictures_give_finite_gradients():
    """Without any color the root in the colorfulness has no slope."""
    store = noise_store(1)
    white = to_batch([store.picture(0)[:64, :64] * 0 + 255])
    rule = replace(NOTHING, colorfulness=1.0)
    logits = torch.randn(1, 258, 16, 16, requires_grad=True)

    Refinement(rule, store, [0], Part(), seed=1).loss(logits, torch.tensor(0.0), white).backward()

    assert torch.isfinite(logits.grad).all()


def test_the_critic_learns_to_tell_pictures_apart():
    store = noise_store(4)
    batch = to_batch([store.picture(index)[:64, :64] for index in range(4)])
    rule = replace(NOTHING, adversarial=1.0)
    refinement = Refinement(rule, store, [0, 1, 2, 3], Part(), seed=1)
    gray = torch.zeros(4, 258, 16, 16)
    gray[:, 129] = 50

    def gap():
        refinement.loss(gray, torch.tensor(0.0), batch)
        with torch.no_grad():
            return (refinement.critic(refinement._real) - refinement.critic(refinement._made)).mean().item()

    before = gap()
    for _ in range(12):
        refinement.loss(gray, torch.tensor(0.0), batch)
        refinement.teach_critic()

    assert gap() > before + 0.1


def test_a_refined_run_stops_and_resumes_as_one_go(tmp_path):
    store = noise_store(14)
    constant = ("phases.1.steadiness=0.0", "phases.1.lr_start=0.3", "phases.1.lr_end=0.3", REFINE)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(tiny_recipe(steps=(1, 4), extra=constant), store, whole, resume=False, pretrained=False)
    train(tiny_recipe(steps=(1, 2), extra=constant), store, parts, resume=False, pretrained=False)
    train(tiny_recipe(steps=(1, 4), extra=constant), store, parts, resume=True, pretrained=False)

    one, other = (load_checkpoint(folder / "checkpoint.pt") for folder in (whole, parts))
    assert one["refinement"]["steps"] == other["refinement"]["steps"] == 4
    for part in ("network", "average"):
        assert all(torch.equal(value, other[part][key]) for key, value in one[part].items())
    critics = [state["refinement"]["critic"] for state in (one, other)]
    assert all(torch.equal(value, critics[1][key]) for key, value in critics[0].items())


def test_pairs_and_refinement_are_refused_together():
    with pytest.raises(SettingsError, match="both steadiness and refine"):
        tiny_recipe(extra=("phases.1.steadiness=1.0", REFINE))
