"""Conditioning a 6D Gaussian on direction, against dense multivariate-normal conditioning in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tomosplat.errors import ShapeError
from tomosplat.gaussians import condition_on_direction, conditional_parts, from_matrix, to_matrix


def random_factors(seed: int, n: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    """Scales spread over 0.01..100 mm and 0.01..100, correlations over −1..1."""
    rng = np.random.default_rng(seed)
    diagonal = 10 ** rng.uniform(-2, 2, (n, 6))
    return torch.from_numpy(diagonal), torch.from_numpy(rng.uniform(-1, 1, (n, 15)))


def dense_covariance(diagonal: torch.Tensor, lower: torch.Tensor) -> np.ndarray:
    """Σ = L Lᵀ with L = D (I + T), T filled row by row."""
    L = np.zeros((len(diagonal), 6, 6))
    position = 0
    for row in range(6):
        for col in range(row):
            L[:, row, col] = lower[:, position] * diagonal[:, row]
            position += 1
        L[:, row, row] = diagonal[:, row]
    return L @ L.transpose(0, 2, 1)


@given(st.integers(0, 2**32 - 1))
def test_parts_equal_dense_conditioning(seed: int) -> None:
    diagonal, lower = random_factors(seed)
    sigma = dense_covariance(diagonal, lower)
    parts = conditional_parts(diagonal, lower)
    # Inverting after scaling to unit diagonal keeps the dense answer accurate enough to judge by.
    d = np.sqrt(np.einsum("nii->ni", sigma))
    unit = sigma / d[:, :, None] / d[:, None, :]
    inverse = np.linalg.inv(unit[:, 3:, 3:])
    gain = unit[:, :3, 3:] @ inverse * d[:, :3, None] / d[:, None, 3:]
    schur = unit[:, :3, :3] - unit[:, :3, 3:] @ inverse @ unit[:, 3:, :3]
    scales = d[:, :3, None] * d[:, None, :3]
    tolerance = 1e-11 * np.linalg.cond(unit)[:, None, None]
    assert (np.abs(parts.gains.numpy() - gain) <= tolerance * d[:, :3, None] / d[:, None, 3:]).all()
    assert (np.abs(to_matrix(parts.covs).numpy() - schur * scales) <= tolerance * scales).all()
    precision = inverse / d[:, 3:, None] / d[:, None, 3:]
    assert (np.abs(to_matrix(parts.precisions_dir).numpy() - precision) <= tolerance * np.abs(precision).max()).all()


def test_conditional_covariance_is_positive_definite_in_float32() -> None:
    diagonal, lower = random_factors(3, n=2000)
    parts = conditional_parts(diagonal.float(), lower.float())
    assert (torch.linalg.eigvalsh(to_matrix(parts.covs).double()) > 0).all()
    assert (torch.linalg.eigvalsh(to_matrix(parts.precisions_dir).double()) > 0).all()


def test_no_correlation_leaves_the_position_alone() -> None:
    diagonal = torch.tensor([[1.0, 2, 3, 4, 5, 6]], dtype=torch.float64)
    parts = conditional_parts(diagonal, torch.zeros(1, 15, dtype=torch.float64))
    assert parts.covs.tolist() == [[1, 0, 0, 4, 0, 9]]
    assert not parts.gains.any()
    torch.testing.assert_close(parts.precisions_dir, torch.tensor([[1 / 16, 0, 0, 1 / 25, 0, 1 / 36]]).double())


def test_parts_pass_gradcheck() -> None:
    rng = np.random.default_rng(0)
    diagonal = torch.from_numpy(rng.uniform(0.5, 2, (1, 6))).requires_grad_()
    lower = torch.from_numpy(rng.uniform(-0.9, 0.9, (1, 15))).requires_grad_()

    def flat(diagonal: torch.Tensor, lower: torch.Tensor) -> tuple[torch.Tensor, ...]:
        parts = conditional_parts(diagonal, lower)
        return parts.covs, parts.gains, parts.precisions_dir

    assert torch.autograd.gradcheck(flat, (diagonal, lower))


def test_view_conditioning_passes_gradcheck() -> None:
    rng = np.random.default_rng(1)
    n = 3
    inputs = [rng.normal(size=shape) for shape in ((n, 3), (n, 3), (n, 3, 3), (n, 6))]
    tensors = [torch.from_numpy(value).requires_grad_() for value in inputs]
    opacities = torch.from_numpy(rng.uniform(0.1, 0.9, n)).requires_grad_()
    camera = torch.tensor([9.0, -7.0, 5.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *t: condition_on_direction(*t, camera, 0.35), (*tensors, opacities))


def test_view_direction_points_from_camera_to_gaussian() -> None:
    means = torch.zeros(1, 3).double()
    means_dir = torch.tensor([[0.0, -1, 0]]).double()  # looked at from the front
    gains = torch.eye(3)[None].double()
    precisions = from_matrix(torch.eye(3)[None].double())
    front, back = torch.tensor([0.0, 50, 0]).double(), torch.tensor([0.0, -50, 0]).double()
    one = torch.ones(1).double()
    shifted, opacity = condition_on_direction(means, means_dir, gains, precisions, one, front, 0.35)
    assert shifted.tolist() == [[0, 0, 0]]
    assert opacity.item() == 1
    shifted, opacity = condition_on_direction(means, means_dir, gains, precisions, one, back, 0.35)
    assert shifted.tolist() == [[0, 2, 0]]  # x = v − μ_d = (0, 2, 0)
    assert opacity.item() == pytest.approx(np.exp(-0.35 * 4))


@given(st.integers(0, 2**32 - 1))
def test_mean_shift_and_weight_equal_dense_conditioning(seed: int) -> None:
    diagonal, lower = random_factors(seed, n=5)
    diagonal = diagonal.clamp(0.1, 10)
    sigma = dense_covariance(diagonal, lower)
    rng = np.random.default_rng(seed)
    means, means_dir = rng.normal(0, 50, (5, 3)), rng.normal(size=(5, 3))
    means_dir /= np.linalg.norm(means_dir, axis=1, keepdims=True)
    camera = np.array([300.0, 20, -10])
    v = (means - camera) / np.linalg.norm(means - camera, axis=1, keepdims=True)
    solved = np.linalg.solve(sigma[:, 3:, 3:], (v - means_dir)[:, :, None])
    parts = conditional_parts(diagonal, lower)
    shifted, opacities = condition_on_direction(
        torch.from_numpy(means),
        torch.from_numpy(means_dir),
        parts.gains,
        parts.precisions_dir,
        torch.full((5,), 0.7).double(),
        torch.from_numpy(camera),
        0.2,
    )
    np.testing.assert_allclose(shifted, means + (sigma[:, :3, 3:] @ solved)[:, :, 0], rtol=1e-6, atol=1e-6)
    weight = np.exp(-0.2 * np.einsum("ni,ni->n", v - means_dir, solved[:, :, 0]))
    np.testing.assert_allclose(opacities, 0.7 * weight, rtol=1e-6)


def test_camera_on_a_gaussian_gives_finite_values() -> None:
    zeros = torch.zeros(1, 3)
    direction = torch.tensor([[0.0, 0, 1]])
    precision = torch.tensor([[1.0, 0, 0, 1, 0, 1]])
    shifted, opacity = condition_on_direction(
        zeros, direction, torch.ones(1, 3, 3), precision, torch.ones(1), zeros[0], 0.35
    )
    assert shifted.tolist() == [[0, 0, 0]]
    assert opacity.item() == 1


def test_symmetric_storage_round_trips() -> None:
    entries = torch.arange(12.0).reshape(2, 6)
    matrices = to_matrix(entries)
    assert torch.equal(matrices, matrices.mT)
    assert torch.equal(from_matrix(matrices), entries)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\[N, 6\] and lower \[N, 15\]"):
        conditional_parts(torch.ones(2, 6), torch.zeros(2, 14))
