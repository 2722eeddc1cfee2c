import pytest
import torch
from torch import nn

from tomosplat.errors import DependencyError, ShapeError
from tomosplat.metrics import has_perceptual_weights, perceptual, st_lpips

SHAPES = {
    "net.slice1.0": (64, 3, 11, 11),
    "net.slice2.5": (192, 64, 5, 5),
    "net.slice3.9": (384, 192, 3, 3),
    "net.slice4.11": (256, 384, 3, 3),
    "net.slice5.13": (256, 256, 3, 3),
}


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Random weights in the form of the real ones."""
    rng = torch.Generator().manual_seed(0)
    made = {
        "scaling_layer.shift": torch.rand(1, 3, 1, 1, generator=rng),
        "scaling_layer.scale": torch.full((1, 3, 1, 1), 0.5),
    }
    for number, (name, shape) in enumerate(SHAPES.items()):
        made[f"{name}.weight"] = torch.randn(shape, generator=rng) / (shape[1] * shape[2] * shape[3]) ** 0.5
        made[f"{name}.bias"] = 0.1 * torch.randn(shape[0], generator=rng)
        made[f"lin{number}.model.1.weight"] = torch.rand(1, shape[0], 1, 1, generator=rng) / shape[0]
    kernel = torch.tensor([1.0, 2, 1])[:, None] * torch.tensor([1.0, 2, 1]) / 16
    for name, channels in (("net.slice1.1", 64), ("net.slice2.4", 64), ("net.slice3.8", 192)):
        made[f"{name}.filt"] = kernel.repeat(channels, 1, 1, 1)
    torch.save(made, tmp_path / "weights.pth")
    monkeypatch.setattr(perceptual, "_weights_path", lambda: tmp_path / "weights.pth")
    return made


def pictures(height=40, width=52, seed=1):
    rng = torch.Generator().manual_seed(seed)
    image = torch.rand(height, width, 3, generator=rng)
    return image, (image + 0.3 * torch.rand(height, width, 3, generator=rng)).clamp(0, 1)


class Blur(nn.Module):
    """Binomial blur of every second pixel, written with a kernel of its own."""

    def forward(self, x):
        padded = nn.ReflectionPad2d(2)(x)
        rows = (padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]) / 4
        blurred = (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4
        return blurred[..., ::2, ::2]


def reference(image, target, weights):
    """The paper's network as a stack of torch modules."""
    convolutions = []
    for (name, shape), padding in zip(SHAPES.items(), (2, 2, 1, 1, 1), strict=True):
        layer = nn.Conv2d(shape[1], shape[0], shape[2], padding=padding)
        layer.load_state_dict({"weight": weights[f"{name}.weight"], "bias": weights[f"{name}.bias"]})
        convolutions.append(layer)
    first, second, third, fourth, fifth = convolutions
    stages = [
        nn.Sequential(first, Blur(), nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(3, 1), Blur(), second, nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(3, 1), Blur(), third, nn.ReLU()),
        nn.Sequential(fourth, nn.ReLU()),
        nn.Sequential(fifth, nn.ReLU()),
    ]
    total = 0.0
    x, y = (
        ((2 * picture.permute(2, 0, 1)[None] - 1) - weights["scaling_layer.shift"]) / weights["scaling_layer.scale"]
        for picture in (image, target)
    )
    for number, stage in enumerate(stages):
        x, y = stage(x), stage(y)
        a, b = (nn.functional.normalize(z, dim=1, eps=1e-12) for z in (x, y))
        total += float(((a - b) ** 2 * weights[f"lin{number}.model.1.weight"]).sum(dim=1).mean())
    return total


def test_it_is_the_papers_network(weights):
    image, target = pictures()
    with torch.no_grad():
        assert float(st_lpips(image, target)) == pytest.approx(reference(image, target, weights), rel=1e-4)


def test_equal_pictures_have_no_distance_and_order_does_not_count(weights):
    image, target = pictures()
    assert float(st_lpips(image, image)) == 0
    assert float(st_lpips(image, target)) == pytest.approx(float(st_lpips(target, image)), rel=1e-6)
    assert float(st_lpips(image, target)) > 1e-4


def test_it_is_differentiable(weights):
    image, target = pictures(32, 32)
    image.requires_grad_()
    st_lpips(image, target).backward()
    assert float(image.grad.abs().sum()) > 0


def test_other_shapes_are_refused(weights):
    for shape in ((31, 40, 3), (40, 40, 4), (2, 40, 40, 3)):
        with pytest.raises(ShapeError):
            st_lpips(torch.rand(shape), torch.rand(shape))
    with pytest.raises(ShapeError):
        st_lpips(torch.rand(40, 40, 3, dtype=torch.float64), torch.rand(40, 40, 3, dtype=torch.float64))


def test_without_weights_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(perceptual, "find_spec", lambda name: None)
    assert not has_perceptual_weights()
    with pytest.raises(DependencyError, match="evaluate"):
        st_lpips(*pictures())


@pytest.mark.skipif(not has_perceptual_weights(), reason='the extra "evaluate" is not installed')
def test_with_the_real_weights_the_numbers_are_those_of_their_package():
    # Found with stlpips-pytorch 0.0.2 itself, LPIPS(net="alex", variant="shift_tolerant"), torchvision set aside.
    rng = torch.Generator().manual_seed(0)
    image = torch.rand(64, 64, 3, generator=rng)
    target = (image + 0.2 * torch.rand(64, 64, 3, generator=rng)).clamp(0, 1)
    assert float(st_lpips(image, target)) == pytest.approx(0.0019469296, rel=1e-4)
