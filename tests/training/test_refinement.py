"""The second stage: its losses in closed form, and that a run with it stops and resumes as one go."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_training import noise_store, tiny_recipe

from training.critics import PatchCritic
from training.data.batches import to_batch
from training.data.pictures import store_of
from training.engine.checkpoint import load_checkpoint
from training.engine.parallel import Worker
from training.loops import refinement as module
from training.loops.refinement import Refinement
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


def refine(rule, store):
    refinement = Refinement(store, list(range(len(store))), Worker(), seed=1)
    refinement.follow(rule)
    return refinement


def gray_logits(count):
    """Of a network that is sure of gray everywhere."""
    logits = torch.zeros(count, 258, 16, 16)
    logits[:, int(ab_bins().norm(dim=1).argmin())] = 200
    return logits


def missing():
    """In place of `imagenet_encoder`."""
    raise SettingsError("ImageNet's weights are missing.", "Install them.")


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


def test_the_codec_decodes_inside_the_graph():
    """Colors and slopes of the mean that a plain softmax gives."""
    torch.manual_seed(1)
    logits = torch.randn(2, 258, 3, 4) * 4

    logits.requires_grad_()
    mean = torch.einsum("nqhw,qc->nchw", torch.softmax(logits / 0.5, dim=1), ab_bins())
    decoded, _ = BinCodec(temperature=0.5, gain=1.0).decode_unbounded(logits)

    torch.testing.assert_close(decoded, mean, atol=1e-3, rtol=1e-4)
    slopes = [torch.autograd.grad(ab[:, 0].sum(), logits)[0] for ab in (decoded, mean)]
    torch.testing.assert_close(*slopes, atol=1e-4, rtol=1e-3)


def test_the_critic_judges_patches():
    answers = PatchCritic(width=8)(torch.rand(2, 3, 128, 128))

    assert answers.shape == (2, 1, 7, 7)


def test_decoding_can_be_differentiated_after_an_evaluation():
    """The loss on tuning pictures is taken in inference mode, and whoever asks first for the bins makes them."""
    ab_bins.cache_clear()
    with torch.inference_mode():
        ab_bins(torch.device("cpu"))
    logits = torch.randn(1, 258, 2, 2, requires_grad=True)

    BinCodec(temperature=0.5, gain=1.0).decode_unbounded(logits)[0].sum().backward()

    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", ["ab", "features", "colorfulness", "adversarial"])
def test_every_loss_reaches_the_logits(name):
    store = noise_store(4)
    batch = to_batch([store.picture(index)[:64, :64] for index in range(4)])
    rule = replace(NOTHING, **{name: 1.0})
    refinement = refine(rule, store)
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
    logits = gray_logits(1).requires_grad_()

    refine(replace(NOTHING, colorfulness=1.0), store).loss(logits, torch.tensor(0.0), white).backward()

    assert torch.isfinite(logits.grad).all()


def test_the_critic_learns_to_tell_pictures_apart():
    store = noise_store(4)
    batch = to_batch([store.picture(index)[:64, :64] for index in range(4)])
    rule = replace(NOTHING, adversarial=1.0)
    refinement = refine(rule, store)
    gray = gray_logits(4)

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
    critics = [state["refinement"]["critic"]["network"] for state in (one, other)]
    assert all(torch.equal(value, critics[1][key]) for key, value in critics[0].items())


def test_the_true_colors_as_coarse_as_the_network_s_are_no_loss():
    """Else the critic would see how fine the colors are, and the network be asked for chroma in place of detail."""
    rng = np.random.default_rng(4)
    picture = np.kron(rng.integers(60, 200, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    batch = to_batch([picture])
    indices, weights = BinCodec().encode(torch.nn.functional.avg_pool2d(batch.ab, 4))
    logits = torch.full((1, 258, 16, 16), -30.0).scatter_(1, indices, weights.log())
    for name in ("features", "colorfulness"):
        refinement = refine(replace(NOTHING, temperature=1.0, **{name: 1.0}), store_of([picture]))
        right = refinement.loss(logits, torch.tensor(0.0), batch).item()
        wrong = refinement.loss(gray_logits(1), torch.tensor(0.0), batch).item()
        assert right < 0.15 * wrong, name


def test_nothing_is_built_that_no_weight_asks_for(monkeypatch):
    monkeypatch.setattr(module, "imagenet_encoder", missing)

    assert refine(replace(NOTHING, ab=1.0), noise_store(2)).critic is None
    with pytest.raises(SettingsError, match="are missing"):
        refine(replace(NOTHING, features=1.0), noise_store(2))


def test_the_rate_of_now_counts_after_a_resume():
    store = noise_store(2)
    state = refine(replace(NOTHING, adversarial=1.0, critic_lr=1e-4), store).state()
    later = refine(replace(NOTHING, adversarial=1.0, critic_lr=5e-3), store)

    later.load(state)

    assert [group["lr"] for group in later._optimizer.param_groups] == [5e-3]


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5])
def test_a_critic_lives_as_long_as_refined_phases_follow_each_other(tmp_path, stop):
    """Plain, two refined phases with different rules, plain, refined again: stopped after any step it is the same."""
    store = noise_store(14)
    recipe = tiny_recipe(steps=(1, 1), extra=(REFINE, "phases.1.steadiness=0.0"))
    plain, refined = recipe.phases
    other = replace(refined, refine=replace(refined.refine, ab=0.3))
    recipe = replace(recipe, phases=(plain, refined, other, plain, refined, other))
    whole, parts = tmp_path / "whole", tmp_path / "parts"

    train(recipe, store, whole, resume=False, pretrained=False)
    train(replace(recipe, phases=recipe.phases[:stop]), store, parts, resume=False, pretrained=False)
    train(replace(recipe, phases=recipe.phases[:stop]), store, parts, resume=True, pretrained=False)
    train(recipe, store, parts, resume=True, pretrained=False)

    one, two = (load_checkpoint(folder / "checkpoint.pt") for folder in (whole, parts))
    assert one["refinement"]["steps"] == two["refinement"]["steps"] == 2
    assert all(torch.equal(value, two["network"][key]) for key, value in one["network"].items())
    critics = [state["refinement"]["critic"]["network"] for state in (one, two)]
    assert all(torch.equal(value, critics[1][key]) for key, value in critics[0].items())


def test_what_a_later_phase_lacks_is_said_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr("training.loops.supervised.imagenet_encoder", missing)
    recipe = tiny_recipe(steps=(3, 3), extra=("phases.1.steadiness=0.0", REFINE))

    with pytest.raises(SettingsError, match="are missing"):
        train(recipe, noise_store(10), tmp_path, resume=False, pretrained=False)
    with pytest.raises(SettingsError, match="cannot be shared by 3"):
        train(tiny_recipe(), noise_store(10), tmp_path, resume=False, pretrained=False, worker=Worker(0, 3))
    assert not (tmp_path / "log.jsonl").exists()


@pytest.mark.parametrize("wrong", ["temperature=0.0", "ab=-1.0"])
def test_impossible_rules_are_refused(wrong):
    rule = REFINE.replace("temperature=0.5", wrong) if wrong[0] == "t" else REFINE.replace("ab=0.1", wrong)
    with pytest.raises(SettingsError, match=wrong.partition("=")[0]):
        tiny_recipe(extra=("phases.1.steadiness=0.0", rule))


def test_pairs_and_refinement_are_refused_together():
    with pytest.raises(SettingsError, match="both steadiness and refine"):
        tiny_recipe(extra=("phases.1.steadiness=1.0", REFINE))
