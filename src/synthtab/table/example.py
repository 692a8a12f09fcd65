"""A simulated table to try things on: numbers, categories and a target, no real record in it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthtab.table.schema import Schema
from synthtab.table.split import Dataset

# Share of the parcels, and factor on the price.
_SERVICES = {
    "economy": (0.55, 1.0),
    "standard": (0.35, 1.3),
    "express": (0.1, 2.2),
}
_REGIONS = ("north", "east", "south", "west", "islands")


def example_table(
    n_rows: int = 1000, *, random_state: int | np.random.Generator | None = 0
) -> Dataset:
    """Simulate parcels and their prices.

    The numbers are ``weight_kg`` (many parcels have one of a few usual weights) and
    ``distance_km``, the categories ``service``, ``region`` and ``fragile``, the target
    ``price_eur``. A fifth of the rows is for testing; as many rows again are the reserve.

    Raises
    ------
    ValueError
        If there are fewer than 50 rows.

    Examples
    --------
    >>> parcels = example_table(500)
    >>> parcels.frame.columns.tolist()
    ['weight_kg', 'distance_km', 'service', 'region', 'fragile', 'price_eur']
    >>> len(parcels.frame), parcels.n_test, len(parcels.reserve)
    (500, 100, 500)
    """
    if n_rows < 50:
        raise ValueError(f"n_rows is {n_rows}; simulate at least 50, or there is nothing to learn")
    rows = _simulate(2 * n_rows, np.random.default_rng(random_state))
    schema = Schema.infer(rows, target="price_eur")
    return Dataset(
        name="parcels",
        source="simulated",
        frame=rows[:n_rows],
        schema=schema,
        n_test=n_rows // 5,
        reserve=rows[n_rows:].reset_index(drop=True),
    )


def _simulate(n: int, rng: np.random.Generator) -> pd.DataFrame:
    usual = rng.choice([0.5, 1.0, 2.0, 5.0, 10.0], size=n, p=[0.2, 0.3, 0.25, 0.15, 0.1])
    weight = np.where(rng.random(n) < 0.6, usual, rng.lognormal(0.7, 0.7, n).round(2))
    distance = rng.gamma(2.0, 180.0, n).round(1)
    share = [share for share, _ in _SERVICES.values()]
    service = rng.choice(list(_SERVICES), size=n, p=share)
    region = rng.choice(_REGIONS, size=n, p=[0.3, 0.25, 0.2, 0.2, 0.05])
    fragile = np.where(rng.random(n) < np.where(weight > 4, 0.25, 0.1), "yes", "no")
    factor = np.array([_SERVICES[s][1] for s in service])
    price = factor * (3 + 0.6 * weight + 0.01 * distance)
    price += np.where(region == "islands", 6.0, 0.0) + np.where(fragile == "yes", 1.5, 0.0)
    price *= rng.lognormal(0.0, 0.12, n)
    return pd.DataFrame(
        {
            "weight_kg": weight,
            "distance_km": distance,
            "service": service.astype(object),
            "region": region.astype(object),
            "fragile": fragile.astype(object),
            "price_eur": price.round(2),
        }
    )
