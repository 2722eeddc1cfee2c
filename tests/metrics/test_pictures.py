import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tomosplat.errors import EmptySceneError, ShapeError
from tomosplat.metrics import ms_ssim, psnr, ssim
from tomosplat.metrics.ssim import _Mean
from tomosplat.metrics.tensor_windows import mean_of_windows


def pictures(*shape: int, dtype=torch.float32, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A picture with some structure and a noisy one of it."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(*shape[:-3], shape[-3] // 4 + 1, shape[-2] // 4 + 1, shape[-1], generator=rng, dtype=dtype)
    target = coarse.repeat_interleave(4, -3).repeat_interleave(4, -2)[..., : shape[-3], : shape[-2], :]
    return (target + 0.2 * torch.rand(shape, generator=rng, dtype=dtype)).clamp(0, 1), target


def test_psnr_and_ssim_are_those_of_scikit_image() -> None:
    image, target = pictures(2, 40, 53, 3)
    for index in range(2):
        a, b = image[index].numpy(), target[index].numpy()
        expected = structural_similarity(
            a, b, channel_axis=-1, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert float(ssim(image, target)[index]) == pytest.approx(expected, abs=1e-6)
        assert float(psnr(image, target)[index]) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1), abs=1e-4)


def test_a_mask_counts_the_windows_in_its_middle() -> None:
    image, target = pictures(40, 53, 3)
    mask = torch.rand(40, 53, generator=torch.Generator().manual_seed(1)) > 0.7
    _, every = structural_similarity(
        image.numpy(),
        target.numpy(),
        channel_axis=-1,
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    inside = np.zeros((40, 53), bool)
    inside[5:-5, 5:-5] = mask[5:-5, 5:-5]
    assert float(ssim(image, target, mask)) == pytest.approx(every[inside].mean(), abs=1e-6)
    assert float(psnr(image, target, mask)) == pytest.approx(
        float(psnr(image[mask][None], target[mask][None])), abs=1e-4
    )


def blurred(values: torch.Tensor) -> torch.Tensor:
    offsets = torch.arange(11, dtype=values.dtype) - 5
    weights = torch.exp(-(offsets**2) / 4.5)
    weights = weights / weights.sum()
    planes = values.permute(2, 0, 1)[:, None]
    return torch.nn.functional.conv2d(planes, torch.outer(weights, weights)[None, None])


def test_ms_ssim_is_the_product_over_five_scales() -> None:
    image, target = pictures(180, 200, 2, dtype=torch.float64)
    product, x, y = 1.0, image, target
    for scale, exponent in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        mx, my = blurred(x), blurred(y)
        contrast = (2 * (blurred(x * y) - mx * my) + 0.03**2) / (
            blurred(x * x) - mx**2 + blurred(y * y) - my**2 + 0.03**2
        )
        light = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
        product *= float((contrast * light if scale == 4 else contrast).mean()) ** exponent
        x, y = (torch.nn.functional.avg_pool2d(p.permute(2, 0, 1), 2).permute(1, 2, 0) for p in (x, y))
    assert float(ms_ssim(image, target)) == pytest.approx(product, abs=1e-9)


@pytest.mark.parametrize("measure", [ssim, psnr])
def test_gradients_are_right(measure) -> None:
    image, target = pictures(2, 14, 13, 2, dtype=torch.float64)
    image.requires_grad_()
    mask = torch.rand(2, 14, 13, generator=torch.Generator().manual_seed(3)) > 0.5
    assert torch.autograd.gradcheck(lambda x: measure(x, target), image)
    assert torch.autograd.gradcheck(lambda x: measure(x, target, mask), image)


def test_the_gradient_of_ms_ssim_is_right_along_a_random_line() -> None:
    image, target = pictures(176, 177, 1, dtype=torch.float64)
    line = torch.randn(image.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    image.requires_grad_()
    (gradient,) = torch.autograd.grad(ms_ssim(image, target), image)
    with torch.no_grad():
        difference = (ms_ssim(image + 1e-5 * line, target) - ms_ssim(image - 1e-5 * line, target)) / 2e-5
    assert float((gradient * line).sum()) == pytest.approx(float(difference), rel=1e-6)


def test_equal_pictures_are_as_alike_as_can_be_and_opposed_ones_give_finite_gradients() -> None:
    image, _ = pictures(176, 176, 1)
    assert float(ssim(image, image)) == pytest.approx(1)
    assert float(ms_ssim(image, image)) == pytest.approx(1)
    assert float(psnr(image, image)) == float("inf")
    negative = (1 - image).requires_grad_()
    (gradient,) = torch.autograd.grad(ms_ssim(negative, image), negative)
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize(
    ("image", "target", "mask", "error"),
    [
        (torch.rand(20, 20, 3), torch.rand(20, 21, 3), None, ShapeError),
        (torch.rand(20, 20, 3), torch.rand(20, 20, 3).double(), None, ShapeError),
        (torch.rand(20, 20, 3), torch.rand(20, 20, 3), torch.ones(20, 20), ShapeError),
        (torch.rand(20, 10, 3), torch.rand(20, 10, 3), None, ShapeError),
        (torch.rand(20, 20, 3), torch.rand(20, 20, 3), torch.zeros(20, 20, dtype=torch.bool), EmptySceneError),
    ],
)
def test_what_cannot_be_compared_is_refused(image, target, mask, error) -> None:
    with pytest.raises(error):
        ssim(image, target, mask)


def test_ms_ssim_says_how_large_a_picture_must_be() -> None:
    with pytest.raises(ShapeError, match="176"):
        ms_ssim(torch.rand(175, 300, 3), torch.rand(175, 300, 3))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("luminance", [False, True])
def test_ssim_by_pytorchs_operations_is_that_of_the_kernels(masked, luminance) -> None:
    """A GPU takes the former; both on the CPU here, with the gradients."""
    image, target = pictures(24, 31, 4, dtype=torch.float64)
    image.requires_grad_()
    mask = torch.rand(24, 31, generator=torch.Generator().manual_seed(1)) > 0.5 if masked else None
    middle = mask[5:-5, 5:-5] if mask is not None else None
    expected = _Mean.apply(image, target, middle, luminance)
    found = mean_of_windows(image, target, middle, luminance)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    gradients = [torch.autograd.grad(value, image)[0] for value in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-7, atol=1e-12)
