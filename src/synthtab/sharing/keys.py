"""Columns that say who or what a row is about: keys, names, addresses, numbers of accounts.

They are not learnt, and nothing of them is released. A key comes back as surrogate keys of the same
form, each as often as real ones are; what is said of people is made up by Faker. What a column is
taken for is proposed by `recognised`, and decided by the table's owner.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthtab.sharing.source import TableError

FIELDS = (
    "name", "first_name", "last_name", "email", "phone", "address", "street", "city", "postcode",
    "company", "iban", "national_id",
)  # fmt: skip
"""What a column of kind ``fake`` may be like."""

DEFAULT_LOCALE = "en_US"

_NEARLY = 0.95
_LOOKED_AT = 2_000  # cells
_FEW_VALUES = 20
_BLOCK = 65_536  # rows among which the rows of a key lie scattered
_ROOM = 1_000  # times as many surrogates as real keys, so that none need be met by chance
_MAX_MASKS = 20
_CLASSES: Mapping[str, str] = {
    "d": string.digits,
    "a": string.ascii_lowercase,
    "A": string.ascii_uppercase,
    "h": string.digits + "abcdef",
    "H": string.digits + "ABCDEF",
    "X": string.digits + string.ascii_uppercase,
    "x": string.digits + string.ascii_letters,
}
_EMAIL = r"[^@\s]+@[^@\s]+\.\w{2,}"
_PHONE = r"(?=(?:\D*\d){7,15}\D*$)[+(]?\d[\d\s()./-]*"
_IBAN = r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}"
_NATIONAL_ID = r"[1-9]\d{10}"
# Times, days and amounts, however they are written.
_NO_KEY = (
    r".*\d:\d\d.*|\d{1,4}([-/.])\d{1,2}\1\d{1,4}\b.*|.*\b[A-Za-z]{3,9}\.? \d{1,2},? \d{4}"
    r"|(?!\d+$)\W*\d{1,3}([.,' ]\d{3})*([.,]\d+)?(\s+\D{1,4}|\s*[^\w\s]{1,2})?"
)
_EXACT_DIGITS = 15
# Words of a column's name, in English and Turkish.
_KEY_WORDS = {"id", "uuid", "guid", "key"}
_NUMBER_WORDS = {"no", "nr", "num", "number", "code", "kod", "kodu", "numara", "numarasi", "sicil"}
# Of whom or what a code tells: English, Turkish, German.
_WHOSE_WORDS = frozenset(
    "customer cust client patient pid account acct user subject member employee mrn ssn ref "
    "hasta musteri uye kunde mitarbeiter".split()
)
_NUMBER_ENDINGS = ("nummer", "number", "nr", "kodu")
_LAST_NAMES = frozenset("lastname surname familyname soyad soyadi soyisim soyismi".split())
_PEOPLE_WORDS: Mapping[str, frozenset[str]] = {
    "first_name": frozenset({"firstname", "forename", "givenname", "ad", "adi"}),
    "last_name": _LAST_NAMES,
    "name": frozenset(
        "name fullname isim ismi adsoyad adsoyadi adisoyadi isimsoyisim namesurname".split()
    ),
    "phone": frozenset({"phone", "telephone", "tel", "mobile", "gsm", "telefon", "cep"}),
    "address": frozenset({"address", "adres", "adresi"}),
    "street": frozenset({"street", "sokak", "cadde"}),
    "postcode": frozenset({"postcode", "zip", "zipcode", "postalcode", "plz", "postakodu"}),
}
# Of a name's parts, where both are in one column.
_FIRST_AND_LAST = (_PEOPLE_WORDS["first_name"] | _PEOPLE_WORDS["name"] | {"first"}, _LAST_NAMES)
_TURKISH_WORDS = frozenset(
    "soyad soyadi soyisim isim adsoyad adsoyadi adisoyadi isimsoyisim adresi cadde sokak musteri "
    "uye sehir ulke tarihi cinsiyet dogum numarasi tckn eposta".split()
)


# --- what a column is taken for --------------------------------------------------------------


def recognised(name: str, cells: pd.Series[Any], kind: str) -> tuple[str, str] | None:
    """What a column seems to name, ``key`` or one of `FIELDS`, and why; None if nothing.

    `cells` are those with a value, `kind` is what they are taken for otherwise. Neither a name
    alone decides, nor a number that looks like a key under a name that does not.

    Examples
    --------
    >>> people = pd.Series([f"p{i}@mail.org" for i in range(50)])
    >>> recognised("contact", people, "identifier")
    ('email', 'e-mail addresses')
    >>> recognised("cust_id", pd.Series([100_000 + i % 40 for i in range(400)]), "number")
    ('key', '40 keys in 400 rows')
    """
    n_values = cells.nunique()
    if n_values <= _FEW_VALUES or kind in ("date", "constant", "empty", "mixed"):
        return None
    some = cells.iloc[:: max(1, len(cells) // _LOOKED_AT)].map(_text)
    words = _words(name)
    letters = "".join(words)
    if _all_like(some, _EMAIL):
        return "email", "e-mail addresses"
    bare = some.str.replace(" ", "", regex=False)
    if _all_like(bare, _IBAN) and bare.map(_is_iban).mean() >= _NEARLY:
        return "iban", "account numbers whose check digits are right"
    if _all_like(some, _NATIONAL_ID) and some.map(_is_national_id).mean() >= _NEARLY:
        return "national_id", "Turkish identity numbers whose check digits are right"
    if kind != "number" or _all_like(some, _PHONE):
        is_whole_name = all(part & {*words} for part in _FIRST_AND_LAST)
        fields = [f for f, known in _PEOPLE_WORDS.items() if known & {letters, *words}]
        for field in ["name"] * is_whole_name + fields:
            if _may_be(field, some):
                return field, f"{n_values:,} values under such a name"
    is_code = bool(kind in ("number", "category", "identifier") and some.str.contains(r"\d").all())
    whole = some.str.fullmatch(r"\d+").all()
    same_length = some.str.len().nunique() == 1  # noqa: PD101 - the lengths of texts
    last = words[-1] if words else ""
    is_numbered = last in _NUMBER_WORDS | _WHOSE_WORDS or last.endswith(_NUMBER_ENDINGS)
    named = last in _KEY_WORDS or (is_numbered and (not whole or len(some.iloc[0]) >= 4))
    if kind == "number" and not (whole and (same_length or last in _KEY_WORDS)):
        is_code = False
    if whole and some.str.len().min() > _EXACT_DIGITS:
        is_code = named = True  # more digits than a number holds exactly
    if _all_like(some, _NO_KEY):
        return None
    if kind == "identifier" or (is_code and named):
        return "key", f"{n_values:,} keys in {len(cells):,} rows"
    return None


def proposed_locale(cells: pd.DataFrame, likes: Mapping[str, str | None]) -> str:
    """Language and country of made-up values: Turkish where identity numbers or headers are.

    `likes` holds what columns were recognised as.

    Examples
    --------
    >>> proposed_locale(pd.DataFrame(columns=["adı", "soyadı"]), {})
    'tr_TR'
    """
    words = {word for name in cells for word in _words(str(name))}
    accounts = [cells[name].dropna().astype(str) for name, like in likes.items() if like == "iban"]
    is_turkish = (
        "national_id" in likes.values()
        or any(account.str.startswith("TR").mean() > 0.5 for account in accounts)
        or bool(words & _TURKISH_WORDS)
    )
    return "tr_TR" if is_turkish else DEFAULT_LOCALE


def _may_be(field: str, some: pd.Series[Any]) -> bool:
    if field == "phone":
        return _all_like(some, _PHONE)
    if field == "postcode":
        return _all_like(some, r"[\w -]*\d[\w -]*")
    if field in ("address", "street"):
        return bool(some.str.contains(r"[^\W\d_]{3}").mean() >= _NEARLY)
    return _all_like(some, r"[^\W\d_][^\d_]*")


def _words(name: str) -> list[str]:
    """Words of a column's name, in lower case and without accents.

    Examples
    --------
    >>> _words("CustomerNo"), _words("müşteri_no")
    (['customer', 'no'], ['musteri', 'no'])
    """
    parted = re.sub(r"([a-zçğıöşü])([A-ZÇĞİÖŞÜ])", r"\1 \2", name)
    return re.findall(r"[a-z]+", _ascii(parted).lower())


def _ascii(text: str) -> str:
    flat = unicodedata.normalize("NFKD", text.replace("ı", "i").replace("ß", "ss"))
    return flat.encode("ascii", "ignore").decode()


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _all_like(cells: pd.Series[Any], pattern: str) -> bool:
    return bool(cells.str.fullmatch(pattern).mean() >= _NEARLY)


def _is_iban(text: str) -> bool:
    moved = text[4:] + text[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _is_national_id(text: str) -> bool:
    return len(text) == 11 and text == _with_check_digits(text[:9])


def _with_check_digits(nine: str) -> str:
    digits = [int(d) for d in nine]
    tenth = (7 * sum(digits[::2]) - sum(digits[1::2])) % 10
    return f"{nine}{tenth}{(sum(digits) + tenth) % 10}"


# --- what is kept of it ----------------------------------------------------------------------


def key_form(cells: pd.Series[Any], table: pd.DataFrame | None = None) -> dict[str, Any]:
    """The form of a key column and how often keys recur, as plain values; no key is among them.

    Where the surrogates begin is drawn from a digest of the `table`: the same for the same rows,
    and worked out by nobody who does not have them.

    Examples
    --------
    >>> form = key_form(pd.Series(["C-0007", "C-0007", "C-0012"]))
    >>> form["prefix"], form["width"], form["sizes"]
    ('C-', 4, {'1': 1, '2': 1})
    """
    known = cells.dropna()
    texts = known.map(_text)
    counts = texts.value_counts()
    runs = int((texts.to_numpy()[1:] != texts.to_numpy()[:-1]).sum()) + 1
    sizes = Counter(counts.tolist())
    return {
        "is_text": bool(known.map(lambda v: isinstance(v, str)).all()),
        "missing": float(cells.isna().mean()),
        "sizes": {str(size): n for size, n in sorted(sizes.items())},
        "in_blocks": runs == len(counts),
        **_pattern(counts.index.tolist(), _secret(cells.to_frame() if table is None else table)),
    }


def _secret(table: pd.DataFrame) -> random.Random:
    """Random numbers that depend on the rows of a table, and on nothing else."""
    rows = pd.util.hash_pandas_object(table.head(_LOOKED_AT).astype(str), index=False)
    return random.Random(hashlib.sha256(rows.to_numpy().tobytes()).digest())


def _pattern(keys: list[str], secret: random.Random) -> dict[str, Any]:
    """Numbers that begin somewhere beside the real ones, or masks of which to draw at random."""
    parts = [re.fullmatch(r"(\D*)(\d{1,38})(\D*)", key) for key in keys]
    found = [p.groups() for p in parts if p is not None]
    if len(found) == len(keys) and len({(p[0], p[2]) for p in found}) == 1:
        prefix, _, suffix = found[0]
        numbers = [int(p[1]) for p in found]
        widths = {len(p[1]) for p in found}
        padded = any(p[1].startswith("0") and len(p[1]) > 1 for p in found)
        width = widths.pop() if len(widths) == 1 else 0
        if width or not padded:
            return {"prefix": prefix, "suffix": suffix} | _free_numbers(
                numbers, width, secret, padded=padded
            )
    if len({len(key) for key in keys}) == 1:
        mask = [_class_of(place) for place in zip(*keys, strict=True)]
        return {"masks": [[_roomy(mask, len(keys)), 1]]}
    masks = Counter(tuple(map(_class_of, key)) for key in keys).most_common(_MAX_MASKS)
    return {"masks": [[_roomy(mask, len(keys)), n] for mask, n in masks]}


def _free_numbers(
    numbers: list[int], width: int, secret: random.Random, *, padded: bool
) -> dict[str, Any]:
    """Where surrogates begin and end: at random in the room above or below the real numbers.

    Neither end tells the least or the greatest real number. Where these leave too little room,
    surrogates are a digit longer.
    """
    digits = width or len(str(max(numbers)))
    lowest = 0 if padded else 10 ** (digits - 1)
    needed = 2 * len(numbers)
    rooms = [(max(numbers) + 1, 10**digits)]
    if width:
        rooms.append((lowest, min(numbers)))
    low, high = max(rooms, key=lambda room: room[1] - room[0])
    if high - low < 2 * needed:
        low, high = 10**digits, 10 ** (digits + 1)
    start = secret.randrange(low, high - needed)
    if not width or high >= 10**digits:  # the end of a length is nobody's
        return {"width": width, "start": start, "end": high if width else None}
    return {"width": width, "start": start, "end": secret.randrange(start + needed, high + 1)}


def _class_of(characters: Sequence[str]) -> str:
    """The class of the characters that keys have in one place; what is the same everywhere stays.

    Examples
    --------
    >>> _class_of("03a"), _class_of("XBQ"), _class_of("---"), _class_of("7")
    ('h', 'A', '=-', 'd')
    """
    seen = set(characters)
    if len(seen) == 1 and (len(characters) > 1 or not characters[0].isalnum()):
        return f"={characters[0]}"
    return next((name for name, known in _CLASSES.items() if seen <= set(known)), "x")


def _roomy(mask: Sequence[str], n_keys: int) -> list[str]:
    """The mask, made longer where it leaves so little room that real keys would be met."""
    longer = list(mask)
    while math.prod(len(_CLASSES[m]) for m in longer if m in _CLASSES) < _ROOM * n_keys:
        longer.append("d")
    return longer


def fake_form(
    cells: pd.Series[Any], like: str, keys: Mapping[str, pd.Series[Any]]
) -> dict[str, Any]:
    """What is kept of a column that is made up: what it is like, how often it is empty, and whose.

    `keys` are the table's key columns; where one decides the column, all rows of a key get one
    value.
    """
    known = cells.notna()
    owner = next(
        (
            name
            for name, key in keys.items()
            if key[known].nunique() < known.sum()
            and cells[known].groupby(key[known]).nunique().max() == 1
        ),
        None,
    )
    return {
        "like": like,
        "missing": float(cells.isna().mean()),
        "owner": owner,
        "unique": bool(known.sum() == cells.nunique()),
        "is_text": bool(cells.dropna().map(lambda v: isinstance(v, str)).all()),
        **({"pattern": _phone_pattern(cells[known].map(_text))} if like == "phone" else {}),
    }


def _phone_pattern(cells: pd.Series[Any]) -> str:
    """How most telephone numbers of a column are written: ``#`` for a digit, ``%`` for the first.

    Only the code of a country, or the zero before that of a town, stays.

    Examples
    --------
    >>> _phone_pattern(pd.Series(["+90 530 111 22 33", "+90 532 444 55 66", "0530 1"]))
    '+90 %## ### ## ##'
    """
    starts = cells.str.extract(r"^(\(?(?:\+\d{1,3}(?!\d)|\+\d{2}|00\d{2}|0)?)", expand=False)
    rests = [cell.removeprefix(start) for cell, start in zip(cells, starts, strict=True)]
    patterns = starts + pd.Series([re.sub(r"\d", "#", rest) for rest in rests], cells.index)
    return str(patterns.value_counts().index[0]).replace("#", "%", 1)


# --- surrogates ------------------------------------------------------------------------------


class Surrogates:
    """Makes the keys and the made-up columns of a file, block by block.

    Parameters
    ----------
    forms : dict of str to dict
        By column: of `key_form` or `fake_form`.
    n_rows : int
        Rows that are to come in all.
    locale : str
        Language and country of what is made up, such as ``tr_TR``.
    random_state : int, Generator or None
        Seed.

    Raises
    ------
    TableError
        If something is to be made up, and Faker is not installed or does not know the locale.

    Examples
    --------
    >>> forms = {"id": key_form(pd.Series(["C-0007", "C-0007", "C-0012"]))}
    >>> keys = Surrogates(forms, 4, random_state=0).of(4)["id"]
    >>> keys.str.fullmatch(r"C-\\d{4}").all(), keys.nunique()
    (np.True_, 3)
    """

    def __init__(
        self,
        forms: Mapping[str, Mapping[str, Any]],
        n_rows: int,
        *,
        locale: str = DEFAULT_LOCALE,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self._rng = np.random.default_rng(random_state)
        self._keys = {n: f for n, f in forms.items() if "like" not in f}
        self._fakes = {n: f for n, f in forms.items() if "like" in f}
        self._people = _People(locale, int(self._rng.integers(2**31))) if self._fakes else None
        self._shuffles = {
            n: _Scatter(f["masks"], self._rng) for n, f in self._keys.items() if "masks" in f
        }
        self._waiting = {n: np.empty(0, dtype=np.int64) for n in self._keys}
        self._n_keys = dict.fromkeys(self._keys, 0)
        self._left = dict.fromkeys(self._keys, n_rows)
        self._n_rows = 0

    def of(self, n_rows: int) -> pd.DataFrame:
        """The columns of the next rows."""
        columns: dict[str, Any] = {}
        entities = {name: self._next_entities(name, n_rows) for name in self._keys}
        for name, form in self._keys.items():
            columns[name] = [self._key(name, form, int(i)) for i in entities[name]]
        rows = np.arange(self._n_rows, self._n_rows + n_rows)
        for name, form in self._fakes.items():
            assert self._people is not None
            owner = form["owner"]
            # Rows that belong to nobody stand for somebody each; and for nobody who has a key.
            whose = 2 * entities[owner] + 1 if owner else 2 * rows
            columns[name] = [self._people.tell(int(i), form) for i in whose]
        self._n_rows += n_rows
        for name, form in {**self._keys, **self._fakes}.items():
            if form["missing"]:
                gone = self._rng.random(n_rows) < form["missing"]
                columns[name] = [None if g else v for v, g in zip(columns[name], gone, strict=True)]
        frame = pd.DataFrame(index=range(n_rows))
        return frame.assign(**{n: pd.Series(v, dtype=object) for n, v in columns.items()})

    def _next_entities(self, name: str, n_rows: int) -> np.ndarray:
        """Which key each row has: 0 is the first one that was made."""
        while len(self._waiting[name]) < n_rows:
            sizes = np.array([int(s) for s in self._keys[name]["sizes"]])
            weights = np.array(list(self._keys[name]["sizes"].values()), dtype=float)
            block = min(_BLOCK, max(self._left[name], n_rows))
            self._left[name] -= block
            drawn = self._rng.choice(sizes, size=block, p=weights / weights.sum())
            n_groups = int(np.searchsorted(drawn.cumsum(), block)) + 1
            made = np.repeat(np.arange(n_groups), drawn[:n_groups])[:block] + self._n_keys[name]
            self._n_keys[name] += n_groups
            if not self._keys[name]["in_blocks"]:
                made = self._rng.permutation(made)
            self._waiting[name] = np.concatenate([self._waiting[name], made])
        taken, self._waiting[name] = np.split(self._waiting[name], [n_rows])
        return taken

    def _key(self, name: str, form: Mapping[str, Any], index: int) -> Any:
        if "masks" in form:
            text = self._shuffles[name].key(index)
            return text if form["is_text"] else int(text)
        number, end = form["start"] + index, form["end"]
        if end is not None and number >= end:  # no room is left among those of this width
            number = 10 ** (form["width"] + (end > 10 ** form["width"])) + number - end
        text = f"{form['prefix']}{number:0{form['width'] or 1}d}{form['suffix']}"
        return text if form["is_text"] else int(text)


class _Scatter:
    """Keys of some masks that all differ, scattered by a step that is coprime to their number."""

    def __init__(self, masks: Sequence[Any], rng: np.random.Generator) -> None:
        self._masks = [tuple(mask) for mask, _ in masks]
        weights = np.array([n for _, n in masks], dtype=float)
        # Index i has the mask in whose share of a cycle of 1,000 it lies.
        self._ends = np.rint(weights.cumsum() / weights.sum() * 1_000)
        self._steps = []
        for mask in self._masks:
            size = math.prod(len(_CLASSES[m]) for m in mask if m in _CLASSES)
            step = int(size * 0.6180339887) | 1
            while math.gcd(step, size) > 1:
                step += 2
            self._steps.append((size, step, int(rng.integers(min(size, 2**62)))))

    def key(self, index: int) -> str:
        # A cycle is walked in steps of 619, so that neighbours have different masks.
        which = int(np.searchsorted(self._ends, index * 619 % 1_000, side="right"))
        size, step, start = self._steps[which]
        number = (start + index * step) % size
        key = ""
        for kind in self._masks[which]:
            if kind not in _CLASSES:
                key += kind[1:]
                continue
            number, place = divmod(number, len(_CLASSES[kind]))
            key += _CLASSES[kind][place]
        return key


class _People:
    """Made-up people and places, each told by a number: the same number, the same person."""

    def __init__(self, locale: str, seed: int) -> None:
        self._fake, self._turkish = _faker(locale), _faker("tr_TR")
        self._seed, self._is_turkish = seed, locale == "tr_TR"
        self._number = -1
        self._told: dict[str, str] = {}

    def tell(self, number: int, form: Mapping[str, Any]) -> Any:
        if number != self._number:
            self._number, self._told = number, {}
        text = self._phone(form["pattern"]) if form.get("pattern") else self._field(form["like"])
        if form["unique"] and form["like"] == "email":
            text = text.replace("@", f"{number}@", 1)
        return text if form["is_text"] or not text.isdigit() else int(text)

    def _field(self, like: str) -> str:
        """A field of the present person; those that belong together go together."""
        if like in self._told:
            return self._told[like]
        # Each field has a seed of its own, so that it is the same whatever else is asked for.
        fake = self._fake
        for faker in (fake, self._turkish):
            faker.seed_instance(f"{self._seed} {self._number} {like}")
        if like == "name":
            text = f"{self._field('first_name')} {self._field('last_name')}"
        elif like == "email":
            parts = (
                re.sub(r"[^a-z]", "", _ascii(self._field(f)).lower())
                for f in ("first_name", "last_name")
            )
            # Of a domain that is reserved: nobody can have this address.
            text = f"{'.'.join(filter(None, parts)) or 'person'}@{fake.random_element(_DOMAINS)}"
        elif like == "city" and self._is_turkish:
            text = fake.random_element(_PROVINCES)
        elif like == "postcode":
            text = self._postcode(fake)
        elif like == "street":
            text = fake.street_address()
        elif like == "address":
            text = f"{self._field('street')}, {self._field('postcode')} {self._field('city')}"
        elif like == "national_id":
            text = self._turkish.ssn()
        else:
            text = str(getattr(fake, _PROVIDERS.get(like, like))())
            if like == "phone":
                text = text.partition("x")[0]  # no extension
        self._told[like] = " ".join(text.split())
        return self._told[like]

    def _phone(self, pattern: str) -> str:
        """A telephone number of the person, written like those of the column."""
        self._fake.seed_instance(f"{self._seed} {self._number} phone")
        return str(self._fake.numerify(pattern))

    def _postcode(self, fake: Any) -> str:
        """Of the person's city: a made-up city has one, a Turkish province those of its number."""
        city = self._field("city")
        if self._is_turkish:
            fake.seed_instance(f"{self._seed} {self._number} postcode")
            return f"{_PROVINCES.index(city) + 1:02d}{fake.random_int(0, 99) * 10:03d}"
        fake.seed_instance(f"{self._seed} {city}")
        return str(fake.postcode())


def check_faker(locale: str, columns: Iterable[str]) -> None:
    """Raise a TableError if columns are to be made up and cannot be: see `Surrogates`."""
    named = list(columns)
    if named:
        try:
            _faker(locale)
        except TableError as error:
            raise TableError(f"columns {named} are to be made up: {error}") from error


def _faker(locale: str) -> Any:
    try:
        from faker import Faker
    except ModuleNotFoundError as error:
        raise TableError(
            "made-up values need the package Faker: pip install 'synthtab[faker]', or leave the "
            "columns out with --drop"
        ) from error
    try:
        return Faker(locale)
    except AttributeError as error:
        raise TableError(
            f"locale {locale!r} is unknown to Faker; write it as en_US, de_DE or tr_TR"
        ) from error


_DOMAINS = ("example.com", "example.net", "example.org")
_PROVIDERS: Mapping[str, str] = {"phone": "phone_number"}
# Turkish provinces in the order of their numbers, which begin their postcodes.
_PROVINCES = tuple(
    "Adana Adıyaman Afyonkarahisar Ağrı Amasya Ankara Antalya Artvin Aydın Balıkesir Bilecik "
    "Bingöl Bitlis Bolu Burdur Bursa Çanakkale Çankırı Çorum Denizli Diyarbakır Edirne Elazığ "
    "Erzincan Erzurum Eskişehir Gaziantep Giresun Gümüşhane Hakkâri Hatay Isparta Mersin İstanbul "
    "İzmir Kars Kastamonu Kayseri Kırklareli Kırşehir Kocaeli Konya Kütahya Malatya Manisa "
    "Kahramanmaraş Mardin Muğla Muş Nevşehir Niğde Ordu Rize Sakarya Samsun Siirt Sinop Sivas "
    "Tekirdağ Tokat Trabzon Tunceli Şanlıurfa Uşak Van Yozgat Zonguldak Aksaray Bayburt Karaman "
    "Kırıkkale Batman Şırnak Bartın Ardahan Iğdır Yalova Karabük Kilis Osmaniye Düzce".split()
)
