import pytest
import torch
from tests.dvr.subject import ball_features, pictures

from tomosplat.dvr.march import March
from tomosplat.dvr.table_fitting import TableFit, fit_table, judge
from tomosplat.dvr.table_settings import TableKind, TableSettings
from tomosplat.dvr.tables import LookupTable, PerceptronTable, steady_sigmoid, steady_softplus


def test_steady_maps_have_the_derivative_of_their_formula_until_it_becomes_small() -> None:
    raw = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(steady_softplus, (raw,))
    assert torch.autograd.gradcheck(steady_sigmoid, (raw,))
    far = torch.tensor([-50.0, 50.0], requires_grad=True)
    (steady_softplus(far).sum() + steady_sigmoid(far).sum()).backward()
    torch.testing.assert_close(far.grad, torch.tensor([0.1, 1.05]))


@pytest.mark.parametrize("associated", [False, True])
def test_tables_begin_as_thin_fog(associated: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    lookup, perceptron = (
        LookupTable((9,), associated, 0.01, generator)(),
        PerceptronTable(associated, 0.01, generator)(),
    )
    lookup, perceptron = lookup.detach(), perceptron.detach()
    torch.testing.assert_close(lookup[:, 3], torch.full((9,), 0.01), rtol=1e-4, atol=0)
    assert float(lookup[:, :3].std()) > 0
    assert 0 < float(perceptron[:, 3].mean()) < 0.1


def test_what_is_learned_stays_within_its_bounds() -> None:
    table = LookupTable((4,), True, 0.01, torch.Generator())
    with torch.no_grad():
        table.raw.fill_(-100)
    table.settle()
    least = table().detach().min(dim=0).values
    assert 0 < float(least[3]) < 1e-5
    assert 0 < float(least[:3].min()) < 1e-3


def transparent(kind: TableKind, settings: TableSettings) -> TableFit:
    """A fit that has lost everything: black, clear, and no hidden unit alive."""
    state = TableFit.begin(ball_features(), settings)
    with torch.no_grad():
        if isinstance(state.model, LookupTable):
            state.model.raw.fill_(-30)
        else:
            state.model.layers[2].bias.fill_(-10)
            state.model.layers[4].bias.fill_(-10)
    return state


@pytest.mark.parametrize("kind", ["lookup", "mlp"])
def test_a_fit_comes_back_from_a_black_and_transparent_picture(kind: TableKind) -> None:
    # As in the paper's CARP: dark, nearly transparent targets, to which a black picture is already near.
    dim = pictures(brightness=0.15)
    settings = TableSettings(kind=kind, epochs=60, high_rate=1.0, test_rate=1.0, associated=True, entries=24, batch=2)
    state = transparent(kind, settings)
    before = judge(ball_features(), state.model().detach(), dim, March(1, associated=True))
    fit = fit_table(ball_features(), dim, dim, settings, state=state)
    assert fit.quality.psnr > before.psnr + 10
