"""Keys and people: recognised, replaced in the same form, and never taken from the data."""

import re
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from synthtab.sharing.keys import (
    FIELDS,
    Surrogates,
    _is_iban,
    _is_national_id,
    check_faker,
    fake_form,
    key_form,
    proposed_locale,
    recognised,
)
from synthtab.sharing.source import TableError

RNG = np.random.default_rng(0)
IBANS = ["TR330006100519786457841326", "DE89370400440532013000", "GB29NWBK60161331926819"]
SYLLABLES = pd.Series([c + d for c in "klmno" for d in "abcde"])
CUSTOMERS = pd.Series([f"C-{i:05d}" for i in RNG.integers(1, 300, 900)])


def texts(pattern: str, n: int = 100) -> pd.Series:
    return pd.Series([pattern.format(i) for i in range(n)])


@pytest.mark.parametrize(
    ("name", "cells", "kind", "like"),
    [
        ("contact", texts("p{}@mail.org"), "identifier", "email"),
        ("Tel", texts("+90 532 111 {:04d}"), "identifier", "phone"),
        ("gsm_no", pd.Series(range(5_321_110_000, 5_321_110_400)), "identifier", "phone"),
        ("patient_name", "Ada " + SYLLABLES, "text", "name"),
        ("ad_soyad", "Ada Öz" + SYLLABLES, "text", "name"),
        ("adsoyad", "Ada Öz" + SYLLABLES, "text", "name"),
        ("Ad Soyad", "Ada Öz" + SYLLABLES, "text", "name"),
        ("isim_soyisim", "Ada Öz" + SYLLABLES, "text", "name"),
        ("full_name", "Ada Öz" + SYLLABLES, "text", "name"),
        ("name_surname", "Ada Öz" + SYLLABLES, "text", "name"),
        ("adi", "Ada" + SYLLABLES, "text", "first_name"),
        ("soyadı", "Öz" + SYLLABLES, "text", "last_name"),
        ("cust_id", pd.Series([100_000 + i % 40 for i in range(400)]), "number", "key"),
        ("müşteri no", pd.Series([100_000 + i % 40 for i in range(400)]), "number", "key"),
        ("CustomerCode", CUSTOMERS, "category", "key"),
        ("kunde", CUSTOMERS, "category", "key"),
        ("Kundennummer", CUSTOMERS, "category", "key"),
        ("pid", pd.Series([100_000 + i % 40 for i in range(400)]), "number", "key"),
        ("segment", CUSTOMERS, "category", None),
        ("anything", texts("X{}"), "identifier", "key"),
        ("cust", pd.Series([10**17 + i for i in range(40)] * 2), "number", "key"),
        ("seen", texts("2024-01-01T10:{:02d}:00+03:00", 60), "identifier", None),
        ("paid", texts("$1,{:03d}.50"), "identifier", None),
        ("row", texts("{}"), "identifier", "key"),
        ("minutes", pd.Series([1_000 + i % 40 for i in range(400)]), "number", None),
        ("number", pd.Series([i % 40 for i in range(400)]), "number", None),
        ("plant_id", pd.Series([2101, 2501] * 100), "number", None),
        ("product_name", pd.Series(["bolt", "nut"] * 100), "category", None),
        ("city", texts("Town {}", 30), "category", None),
    ],
)  # fmt: skip
def test_keys_and_people_are_recognised_by_name_and_cells_together(name, cells, kind, like):
    found = recognised(name, cells, kind)
    assert (found and found[0]) == like


def test_account_and_identity_numbers_are_known_by_their_check_digits():
    ibans = pd.Series([*IBANS, *Surrogates(made("iban"), 30, random_state=0).of(30)["x"]])
    assert recognised("hesap", ibans, "identifier") == ("iban", recognised("h", ibans, "text")[1])
    ids = Surrogates(made("national_id"), 30, random_state=0).of(30)["x"]
    assert all(map(_is_national_id, ids))
    assert recognised("no", ids, "identifier")[0] == "national_id"
    assert recognised("no", ids.map(lambda t: t[:-1] + "0"), "identifier")[0] != "national_id"


def made(
    *fields: str, owner: str | None = None, missing: float = 0.0, unique: bool = False
) -> dict:
    form = {"missing": missing, "owner": owner, "unique": unique, "is_text": True}
    return {"x" if len(fields) == 1 else f: {"like": f, **form} for f in fields}


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "form"),
    [
        (CUSTOMERS, r"C-\d{5}"),
        (pd.Series(range(100_000, 100_300)), r"\d{6}"),
        (pd.Series([f"{i:04d}/A" for i in range(9_700, 10_000)]), r"\d{4}/A"),
        (pd.Series([f"{RNG.integers(16**12):012x}-4-" for _ in range(300)]), r"[0-9a-f]{12}-4-"),
        (pd.Series(["".join(RNG.choice(list("ABCDEFG"), 12)) for _ in range(300)]), r"[A-Z]{12}"),
    ],
)
def test_surrogate_keys_have_the_form_of_real_ones_and_none_of_them_is_one(keys, form):
    made = Surrogates({"k": key_form(keys)}, 500, random_state=1).of(500)["k"]
    assert [k for k in made.map(str) if not re.fullmatch(form, k)] == []
    assert not set(made) & set(keys)
    assert type(made[0]) is type(keys.tolist()[0])


def test_surrogates_recur_as_often_as_real_keys():
    made = pd.concat(
        [
            (maker := Surrogates({"k": key_form(CUSTOMERS)}, 9000, random_state=2)).of(4000),
            maker.of(5000),
        ]
    )["k"]

    def shares(keys: pd.Series) -> pd.Series:
        return keys.value_counts().value_counts(normalize=True)

    assert abs(made.nunique() / 9000 - CUSTOMERS.nunique() / 900) < 0.02
    assert shares(made).sub(shares(CUSTOMERS), fill_value=0).abs().sum() < 0.15
    assert (made.to_numpy()[1:] != made.to_numpy()[:-1]).mean() > 0.9  # scattered, as real ones


def test_keys_in_blocks_stay_in_blocks_and_unique_ones_unique():
    blocks = pd.Series(np.repeat(np.arange(1000, 1100), 3))
    made = Surrogates({"k": key_form(blocks)}, 90, random_state=0).of(90)["k"]
    assert (made - made[0]).tolist() == np.repeat(np.arange(30), 3).tolist()
    unique = Surrogates({"k": key_form(pd.Series(range(1, 400)))}, 70_000, random_state=0)
    drawn = pd.concat([unique.of(30_000), unique.of(40_000)])["k"]
    assert drawn.is_unique


@pytest.mark.parametrize(
    ("low", "high", "room"),
    [
        (100_400, 101_000, (101_000, 10**6)),
        (96_000, 99_990, (10_000, 96_000)),
        (1, 400, (10**3, 10**4)),
    ],
)
def test_surrogates_begin_somewhere_that_does_not_tell_the_real_extremes(low, high, room):
    starts, ends = [], []
    for first in range(low, low + 30):
        form = key_form(pd.Series(range(first, high)))
        starts.append(form["start"])
        ends += [form["end"]] if form["end"] else []
        assert form == key_form(pd.Series(range(first, high)))  # the same table, the same keys
    assert all(room[0] <= start < room[1] for start in starts)
    # Uniform in the room: their mean is in its middle, and hardly any is next to the real keys.
    assert abs(np.mean(starts) - sum(room) / 2) < 0.25 * (room[1] - room[0])
    assert not {*starts, *ends} & {low - 1, low, high, high + 1}


def test_the_form_of_a_key_holds_no_key():
    keys = pd.Series([f"{RNG.integers(16**12):012x}" for _ in range(300)])
    plain = str(key_form(keys))
    assert not [k for k in keys if k in plain]


def test_missing_keys_come_back_in_proportion():
    keys = CUSTOMERS.mask(np.arange(900) % 4 == 0)
    made = Surrogates({"k": key_form(keys)}, 4000, random_state=0).of(4000)["k"]
    assert abs(made.isna().mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)


# --- people -----------------------------------------------------------------------------------


def test_names_and_addresses_of_a_row_belong_together_in_turkish():
    people = Surrogates(made(*FIELDS), 60, locale="tr_TR", random_state=0).of(60)
    letters = str.maketrans("çğıöşüâîûÇĞİÖŞÜÂÎ", "cgiosuaiucgiosuai")
    for row in people.itertuples():
        assert row.name == f"{row.first_name} {row.last_name}"
        first = row.first_name.translate(letters).lower()
        assert row.email.split("@")[0].startswith(re.sub(r"[^a-z]", "", first))
        assert row.address == f"{row.street}, {row.postcode} {row.city}"
        assert _is_iban(row.iban)
        assert row.iban.startswith("TR")
        assert _is_national_id(row.national_id)
    plates = people.groupby("city").postcode.agg(lambda codes: len({c[:2] for c in codes}))
    assert (plates == 1).all()
    izmir = people[people.city == "İzmir"].postcode
    assert all(code.startswith("35") for code in izmir)
    assert people.email.str.fullmatch(r"[a-z.]+@example\.(com|net|org)").all()


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (texts("+90 532 111 {:02d} 45"), r"\+90 [1-9]\d\d \d{3} \d\d \d\d"),
        (texts("0(532) 11-{:02d}"), r"0\([1-9]\d\d\) \d\d-\d\d"),
        (pd.Series(range(5_321_110_000, 5_321_110_400)), r"[1-9]\d{9}"),
    ],
)
def test_made_up_telephones_are_written_as_real_ones(cells, form):
    known = fake_form(cells, "phone", {})
    assert not re.search(r"5|32|11", known["pattern"])
    made = Surrogates({"t": known}, 200, random_state=0).of(200)["t"]
    assert made.map(str).str.fullmatch(form).all()
    assert made.nunique() > 150
    assert type(made[0]) is type(cells.tolist()[0])


def test_the_language_is_proposed_from_numbers_and_headers():
    ids = Surrogates(made("national_id"), 3, random_state=0).of(3)
    english, turkish = (pd.DataFrame({"x": x}) for x in (IBANS[1:], IBANS[:1]))
    assert proposed_locale(ids, {"x": "national_id"}) == "tr_TR"
    assert proposed_locale(turkish, {"x": "iban"}) == "tr_TR"
    assert proposed_locale(english, {"x": "iban"}) == "en_US"
    assert proposed_locale(pd.DataFrame(columns=["name", "Doğum tarihi"]), {}) == "tr_TR"
    assert proposed_locale(pd.DataFrame(columns=["name", "born"]), {"name": "name"}) == "en_US"


def test_the_same_seed_makes_the_same_people_and_another_seed_others():
    forms = made("name", "phone")
    first, again, other = (Surrogates(forms, 20, random_state=s).of(20) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first.name != other.name).mean() > 0.9


def test_rows_of_one_key_get_one_person_where_the_key_decides_the_name():
    keys = CUSTOMERS
    names = "Name " + keys.str[-3:]
    form = fake_form(names, "name", {"k": keys})
    assert form["owner"] == "k"
    assert fake_form(pd.Series(RNG.permutation(names)), "name", {"k": keys})["owner"] is None
    rows = Surrogates({"k": key_form(keys), "n": form}, 300, random_state=0).of(300)
    assert len(rows.drop_duplicates()) == rows.k.nunique()
    assert rows.n.nunique() > 50


def test_unique_addresses_stay_unique():
    mails = Surrogates(made("email", unique=True), 400, random_state=0).of(400)["x"]
    assert Counter(mails).most_common(1)[0][1] == 1


def test_without_faker_or_with_an_unknown_locale_it_is_said_what_to_do(monkeypatch):
    with pytest.raises(TableError, match="'xx_YY' is unknown"):
        check_faker("xx_YY", ["name"])
    monkeypatch.setitem(sys.modules, "faker", None)
    check_faker("en_US", [])
    with pytest.raises(TableError, match=r"\['name'\].*pip install 'synthtab\[faker\]'"):
        check_faker("en_US", ["name"])
