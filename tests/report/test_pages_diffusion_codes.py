"""What the codes' model predicts, by sums written out; the noise of generators that is known."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import torch

from seds500.pages.diffusion import animation, codes
from seds500.pages.diffusion.evidence import orders
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.generators.reference import SecondSample
from synthtab.table.schema import Schema

FRAME = orders(300, random_state=0)
FRAME["metres"] = (FRAME.minutes / 10 + np.random.default_rng(0).normal(size=300)).round(2)
SCHEMA = Schema.infer(FRAME, target="minutes")
MODELS = {
    order: HybridDiffusion(order=order, n_iter=100, random_state=0).fit(FRAME, SCHEMA)
    for order in ("natural", "any")
}
ROWS = FRAME.head(5)
RANKS = (np.arange(20_000) + 0.5) / 20_000


@pytest.mark.parametrize("order", ["natural", "any"])
def test_the_density_is_one_on_average_over_ranks(order: str) -> None:
    found = codes.density(MODELS[order], ROWS, "metres", RANKS)
    np.testing.assert_allclose(found.total.mean(axis=1), 1, atol=1e-3)
    assert (found.histogram.min(), found.gaussians.min()) >= (0, 0)
    share = codes.gaussian_share(MODELS[order], ROWS, "metres")
    assert found.gaussians.mean() == pytest.approx(share, abs=1e-3)


def test_the_probability_of_a_bin_is_its_density_added_up() -> None:
    model = MODELS["any"]
    known = torch.tensor([True, True, False]).expand(len(ROWS), -1)
    p = codes.code_probabilities(model, ROWS, "metres", known)
    edges = codes.number_codes(model.encoder_, "metres").edges
    dense = codes.density(model, ROWS, "metres", RANKS).total / len(RANKS)
    bins = np.searchsorted(edges[1:-1], RANKS)
    summed = [dense[:, bins == k].sum(axis=1) for k in range(len(edges) - 1)]
    np.testing.assert_allclose(p, np.transpose(summed), atol=1e-3)
    np.testing.assert_allclose(codes.code_probabilities(model, ROWS, "machine", ~known).sum(1), 1)


def test_a_category_has_no_bins() -> None:
    with pytest.raises(ValueError, match="column 'machine' is a category"):
        codes.number_codes(MODELS["any"].encoder_, "machine")


def test_cells_come_on_view_in_the_order() -> None:
    shown = codes.on_view([2, 0, 1])
    assert shown.int().tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1]]


def test_the_natural_order_written_out_is_the_models_own() -> None:
    model = MODELS["any"]
    own = codes.log_likelihood(model, ROWS)
    np.testing.assert_allclose(codes.log_likelihood(model, ROWS, [0, 1, 2]), own, rtol=1e-5)
    assert not np.allclose(codes.log_likelihood(model, ROWS, [2, 1, 0]), own)


def test_what_is_open_is_all_at_first_and_nothing_of_a_cell_on_view() -> None:
    found = codes.uncertainty(MODELS["any"], ROWS.head(1), [1, 2, 0]).to_numpy()
    assert found[0].tolist() == [1, 1, 1]
    on_view = codes.on_view([1, 2, 0]).numpy()
    assert (np.isnan(found) == on_view).all()
    assert found[1, 2] < 0.9  # metres are nearly minutes / 10


def line(n: int, noise: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, n)
    return pd.DataFrame({"x": x, "y": 3 * x + noise * rng.normal(size=n)})


def test_the_noise_found_is_the_share_that_is_drawn() -> None:
    train, unseen = line(300, 2.0, 0), line(3000, 2.0, 1)
    schema = Schema.infer(train, target="y")
    kinds = {
        name: SecondSample(line(1800, noise, 2)) for name, noise in (("as real", 2), ("half", 1))
    }
    found = codes.noise_found(kinds, train, unseen, schema, times=4, seed=0)
    # A squared error over 600 rows has a standard error of 6 %.
    assert found.loc["as real", "noise"] == pytest.approx(1, abs=0.2)
    # The forest's error is, in the real rows, their own noise and what it has learnt of the drawn.
    assert 0.2 < found.loc["half", "noise"] < 0.4
    assert found.loc["half", "few"] > found.loc["as real", "few"]
    assert found.loc["as real", "few"] == pytest.approx(100, abs=3)


def test_bins_are_drawn_at_their_ends_and_the_widest_is_marked() -> None:
    encoder = MODELS["any"].encoder_
    figure = codes.bins(encoder, FRAME, "minutes")
    edges = codes.number_codes(encoder, "minutes").edges
    left, right = figure.axes
    assert left.get_title() == f"values, and the ends of {len(edges) - 1} bins"
    assert len(left.collections[0].get_segments()) == len(edges)
    marked = right.patches[0].get_extents().transformed(right.transData.inverted())
    low, high = encoder.columns_["minutes"].ranks.interval(np.array([480.0]))
    assert (marked.y0, marked.y1) == pytest.approx((low[0], high[0]), abs=0.01)


def test_each_row_has_a_panel_and_the_sum_is_that_of_the_parts() -> None:
    figure = codes.predictions(MODELS["natural"], ROWS.head(2), "metres")
    assert [ax.get_title() for ax in figure.axes] == ["row 1", "row 2"]
    gaussians, total = (np.asarray(ln.get_ydata()) for ln in figure.axes[0].lines[:2])
    assert (total >= gaussians).all()
    assert total.mean() == pytest.approx(1, abs=0.01)


def test_a_row_appears_cell_by_cell() -> None:
    figure = codes.orders(MODELS["any"], ROWS.head(1), {"one": [0, 1, 2], "other": [2, 1, 0]})
    bold = [[t.get_text() for t in ax.texts if t.get_weight() == "bold"] for ax in figure.axes]
    values = [str(v) for v in ROWS.iloc[0]]
    assert bold[0] == values
    assert bold[1] == values[::-1]


def test_the_least_held_out_loss_is_marked() -> None:
    figure = codes.held_out(MODELS)
    for j, ax in enumerate(figure.axes[: len(SCHEMA.columns)]):
        assert ax.get_title() == SCHEMA.columns[j]
        assert float(ax.lines[1].get_ydata()[0]) == MODELS["natural"].held_out_loss_[:, j].min()


def test_each_cell_of_a_row_is_drawn_once_in_an_order_of_the_rows_own() -> None:
    made, turn = animation.revealed(MODELS["any"], ROWS, seed=0)
    assert made.dtypes.equals(ROWS.dtypes)
    assert not made.isna().any(axis=None)
    assert [sorted(row) for row in turn] == [list(range(ROWS.shape[1]))] * len(ROWS)
    assert len({tuple(row) for row in turn}) > 1
    again, _ = animation.revealed(MODELS["any"], ROWS.iloc[::-1], seed=0)
    assert again.to_numpy().tolist() == made.to_numpy().tolist()  # the rows' values are not used


def test_the_animation_shows_both_tables_and_stands_still_when_asked() -> None:
    picture = animation.noising(MODELS["any"], ROWS, seed=0).data
    root = ElementTree.fromstring(picture)
    texts = {e.get("class"): set() for e in root.iter("{http://www.w3.org/2000/svg}text")}
    for element in root.iter("{http://www.w3.org/2000/svg}text"):
        texts[element.get("class")].add(element.text)
    made, _ = animation.revealed(MODELS["any"], ROWS, seed=0)
    for kind, table in (("real", ROWS), ("made", made)):
        assert {f"{v:g}" if isinstance(v, float) else str(v) for v in table.to_numpy().flat} <= (
            texts[kind]
        )
    assert len(picture) < 100_000
    names = set(re.findall(r'class="cue (c[\d-]+)"', picture))
    assert names == set(re.findall(r"@keyframes (c[\d-]+)", picture))
    moving = picture.index("@media (prefers-reduced-motion: no-preference)")
    assert moving < picture.index("animation: ")
