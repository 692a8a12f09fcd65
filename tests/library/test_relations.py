"""Relations between columns: what breaks them, which are found, and that they are kept."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.generators.reference import (
    Bootstrap,
    IndependentMarginals,
    Interpolation,
    NoiseCopy,
)
from synthtab.generators.with_relations import WithRelations
from synthtab.table.relation_search import find_relations
from synthtab.table.relation_transform import RelationTransform
from synthtab.table.relations import (
    Combination,
    Dependence,
    EmptyWhen,
    Order,
    Range,
    Sum,
    as_numbers,
    from_numbers,
    relation_from_plain,
)
from synthtab.table.schema import Schema

COUNTRIES = {"Izmir": "TR", "Bursa": "TR", "Bonn": "DE", "Lyon": "FR"}
SIZES = [(6, "S"), (6, "M"), (8, "M"), (10, "L"), (12, "L"), (12, "XL"), (16, "XL")]


def stays(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """A table with one relation of each kind, and columns that have to do with nothing."""
    rng = np.random.default_rng(seed)
    admitted = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 500_000, n), unit="min")
    discharged = admitted + pd.to_timedelta(rng.integers(0, 90_000, n), unit="min")
    city = rng.choice(list(COUNTRIES), n)
    size = rng.integers(0, len(SIZES), n)
    smokes = rng.choice(["yes", "no"], n)
    room, drugs = rng.gamma(2, 40, n).round(2), rng.gamma(2, 20, n).round(2)
    return pd.DataFrame(
        {
            "admitted": admitted,
            "discharged": discharged,
            "city": city.astype(object),
            "country": pd.Series([COUNTRIES[c] for c in city], dtype=object),
            "diameter": [SIZES[k][0] for k in size],
            "size": pd.Series([SIZES[k][1] for k in size], dtype=object),
            "smokes": smokes.astype(object),
            "packs": pd.Series(rng.gamma(2, 3, n).round(1)).where(smokes == "yes"),
            "score": rng.normal(80, 25, n).round().clip(0, 100),
            "noise": rng.normal(size=n),
            "room": room,
            "drugs": drugs,
            "bill": (room + drugs).round(2),
        }
    )


def schema_of(frame: pd.DataFrame, relations=()) -> Schema:
    categorical = {c: tuple(frame[c].dropna().unique()) for c in frame if frame[c].dtype == object}
    return Schema(tuple(frame.columns), categorical, str(frame.columns[-1]), tuple(relations))


ALL = [
    Sum("bill", ("room", "drugs")),
    Order("admitted", "discharged"),
    Dependence("city", "country"),
    Combination(("diameter", "size")),
    EmptyWhen("packs", "smokes", ("no",), only=True),
    Range("score", None, 100),
]


# --- descriptions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "relation",
    [
        *ALL,
        Sum("left", ("late", "early"), (1.0, -1.0)),
        Range("day", pd.Timestamp("2025-01-01"), pd.Timestamp("2025-06-30 12:00")),
        EmptyWhen("left", "reason", (None, "x", 3)),
    ],
    ids=str,
)
def test_a_relation_is_read_back_from_its_plain_form(relation):
    assert relation_from_plain(json.loads(json.dumps(relation.to_plain()))) == relation


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ("a <= b", "should begin with one of"),
        ({"order": ["a"]}, "2 column names"),
        ({"order": ["a", "b"], "strict": True}, "unknown \\['strict'\\]"),
        ({"sum": "a", "of": ["a", "b"]}, "name others"),
        ({"sum": "a", "of": ["b", "c"], "weights": [1]}, "1 weights for 2 parts"),
        ({"range": "a"}, "neither low nor high"),
        ({"range": "a", "low": 3, "high": 1}, "ends before it begins"),
        ({"range": "a", "low": "soon"}, "is no bound"),
        ({"empty": "a", "when": "b", "is": "no"}, "list of values"),
        ({"combination": ["a"]}, "two columns or more"),
    ],
)
def test_what_describes_no_relation_is_refused_with_what_would(plain, said):
    with pytest.raises(ValueError, match=said):
        relation_from_plain(plain)


def test_a_schema_refuses_relations_about_other_columns_and_orders_of_categories():
    with pytest.raises(ValueError, match=r"no columns \['z'\].*\['a'\] are categories"):
        Schema(("a", "b"), {"a": ("x",)}, "b", (Order("b", "z"), Order("a", "b")))


@pytest.mark.parametrize("dtype", ["datetime64[ns]", "datetime64[us]", "datetime64[ns, UTC]"])
def test_dates_come_back_from_numbers_to_the_microsecond(dtype):
    dates = pd.Series(
        pd.to_datetime(["2025-03-01T10:11:12.345678", None, "1899-12-31"], format="ISO8601")
    )
    dates = dates.dt.tz_localize("UTC") if "UTC" in dtype else dates.astype(dtype)
    pd.testing.assert_series_equal(from_numbers(as_numbers(dates), dates.dtype), dates)


# --- search -----------------------------------------------------------------------------------


def test_every_kind_of_relation_is_found_and_nothing_else():
    frame = stays()
    found = find_relations(frame, schema_of(frame))
    assert set(found) == set(ALL)
    assert set(found.values()) == {1.0}


def test_days_and_hours_between_dates_are_found_as_a_sum():
    frame = stays()[["admitted", "discharged", "noise"]]
    frame["hours"] = (frame.discharged - frame.admitted) / pd.Timedelta(hours=1)
    assert Sum("discharged", ("admitted", "hours"), (1.0, 1 / 24)) in find_relations(
        frame, schema_of(frame)
    )


def test_dates_that_are_always_the_same_are_found_and_learnt_once():
    frame = stays()[["admitted", "noise"]]
    frame["booked"] = frame.admitted
    frame["paid"] = frame.admitted.mask(frame.index % 7 == 0)
    schema = schema_of(frame)
    found = find_relations(frame, schema)
    assert {Sum("booked", ("admitted",)), Sum("paid", ("admitted",))} <= set(found)
    schema = replace(schema, relations=tuple(found))
    transform, rows = RelationTransform.fit_transform(frame, schema)
    assert "booked" not in rows
    back, broken = transform.inverse_transform(rows)
    assert not broken.any()
    pd.testing.assert_frame_equal(back, frame)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_in_columns_that_have_nothing_to_do_with_each_other(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=300).round(2) for i in range(10)})
    for i in range(10):
        frame[f"c{i}"] = rng.choice(list("abcdefgh")[: 2 + i % 6], 300).astype(object)
        frame[f"rare{i}"] = np.where(rng.random(300) < 0.005, "yes", "no").astype(object)
    frame["gap"] = pd.Series(rng.normal(size=300)).where(rng.random(300) < 0.9)
    frame["key"] = [f"k{i}" for i in range(300)]
    frame["x"] = rng.normal(size=300)
    assert find_relations(frame, schema_of(frame)) == {}


def test_an_exception_in_a_thousand_rows_is_shown_in_the_share():
    frame = stays(1000)
    frame.loc[3, "discharged"] = frame.loc[3, "admitted"] - pd.Timedelta(days=1)
    assert find_relations(frame, schema_of(frame))[Order("admitted", "discharged")] == 0.999


def test_few_rows_prove_nothing():
    frame = stays(25)
    assert find_relations(frame, schema_of(frame)) == {}


# --- there and back ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_rows_come_back_from_what_is_learnt_whatever_relations_and_gaps_there_are(seed):
    rng = np.random.default_rng(seed)
    frame = stays(60, seed)
    frame["hours"] = (frame.discharged - frame.admitted) / pd.Timedelta(hours=1)
    for column in rng.choice(["admitted", "discharged", "room", "bill", "city", "country"], 2):
        frame.loc[rng.random(len(frame)) < 0.2, column] = None
    others = [
        Sum("discharged", ("admitted", "hours"), (1.0, 1 / 24)),
        Order("room", "bill"),
        Order("drugs", "bill"),
        Order("packs", "score"),
        Dependence("diameter", "country"),
        Combination(("city", "smokes")),
        EmptyWhen("discharged", "admitted", (None,)),
    ]
    every = [*ALL, *others]
    relations = [every[i] for i in rng.permutation(len(every))[: rng.integers(2, 9)]]
    transform, rows = RelationTransform.fit_transform(frame, schema_of(frame, relations))
    plain = json.loads(json.dumps(transform.to_plain()))
    for there in (transform, RelationTransform.from_plain(plain)):
        back, broken = there.inverse_transform(rows)
        assert not broken.any()
        pd.testing.assert_frame_equal(back, frame, check_exact=False, rtol=0, atol=1e-6)


def test_what_is_decided_is_not_learnt():
    frame = stays()
    transform, rows = RelationTransform.fit_transform(frame, schema_of(frame, ALL))
    assert not {"discharged", "country", "city", "size", "diameter", "bill"} & {*rows.columns}
    assert rows["discharged - admitted"].min() >= 0
    assert not rows.isna().any().any()
    assert transform.inner.task == "regression"


# --- generators -------------------------------------------------------------------------------


def complete() -> tuple[pd.DataFrame, Schema]:
    frame = stays().drop(columns=["packs", "smokes"])
    for column in ("admitted", "discharged"):
        frame[column] = as_numbers(frame[column]).round(2)
    return frame, schema_of(frame, [r for r in ALL if not isinstance(r, EmptyWhen)])


@pytest.mark.parametrize(
    "generator",
    [
        Bootstrap(),
        IndependentMarginals(),
        NoiseCopy(),
        Interpolation(),
        HybridDiffusion(n_iter=5, width=16, random_state=0),
    ],
    ids=lambda g: type(g).__name__,
)
def test_no_generator_breaks_a_relation_that_every_training_row_keeps(generator):
    frame, schema = complete()
    model = WithRelations(generator).fit(frame, schema)
    drawn = model.sample(300, random_state=0)
    assert model.lost_ == ()
    assert [str(r) for r in schema.relations if r.violations(drawn, frame).any()] == []
    assert drawn.dtypes.equals(frame.dtypes)
    if isinstance(generator, IndependentMarginals):  # which breaks them all but the range
        drawn = generator.fit(frame, schema).sample(300, random_state=0)
        broken = [r.violations(drawn, frame).mean() > 0.1 for r in schema.relations]
        assert broken == [not isinstance(r, Range) for r in schema.relations]


def test_exceptions_of_the_training_rows_come_back_in_proportion():
    frame, schema = complete()
    order = Order("admitted", "discharged")
    late = np.arange(len(frame)) % 10 == 0
    frame.loc[late, "discharged"] = frame.loc[late, "admitted"] - 5
    model = WithRelations(IndependentMarginals()).fit(frame, replace(schema, relations=(order,)))
    share = order.violations(model.sample(2000, random_state=0)).mean()
    assert abs(share - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 2000)


def test_a_relation_that_would_cost_nearly_every_row_is_given_up_and_named():
    rng = np.random.default_rng(0)
    x = np.sort(rng.permutation(3000)[:300])
    frame = pd.DataFrame({"a": x, "b": x + 1, "c": x + 2})
    codes = {c: frame[c].astype(str).astype(object) for c in ("a", "b", "c")}
    frame = pd.DataFrame(codes).assign(y=1.0 * x)
    relations = (Combination(("a", "b")), Combination(("b", "c")))
    model = WithRelations(IndependentMarginals()).fit(
        frame, Schema.infer(frame, target="y", relations=relations)
    )
    assert model.lost_ == (Combination(("b", "c")),)
    drawn = model.sample(100, random_state=0)
    assert not relations[0].violations(drawn, frame).any()
    assert relations[1].violations(drawn, frame).any()
