"""How the cells of a text column are written: numbers and dates, read exactly and written back.

A form is settled on all cells of a column. What can be read in two ways, or cannot be held to the
last digit, is told and never guessed.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from synthtab.sharing.columns import Column

_CURRENCIES = (
    *("US$", "R$", "€", "$", "£", "¥", "₺", "₹", "₽", "₩", "%"),
    *("TL", "TRY", "USD", "EUR", "GBP", "CHF", "JPY", "kr", "zł", "Rs."),
)
_GROUPING = " '’\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"  # marks that only separate thousands
_MOST_DECIMALS = 12  # a number with more is written with as many as it needs
_LARGEST = 1e150  # the square of a larger one is infinite
_CELL = re.compile(
    r"(?P<before>[(+−-]?\s*(?:{currency})?\s*[(+−-]?\s*)"
    r"(?P<core>(?:[.,]?[0-9])(?:[0-9.,{grouping}]*[0-9])?(?:[eE][+-]?[0-9]+)?)"
    r"(?P<after>\.?\)?-?(?:\s*(?:[%‰°/′″]|[^\W\d_]|[€$£¥₺])[^\d]*[23]?)?\)?-?)".format(
        currency="|".join(map(re.escape, _CURRENCIES)), grouping=_GROUPING
    )
)
_PLAIN = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")


class NumberReading(NamedTuple):
    """What the cells of a column are, taken as numbers.

    `fields` are those of the `Column`, and None if the cells are no numbers; `odd` marks the cells
    that are none; `problem` says why numbers cannot be taken as they are. With fields and a problem
    they can, but would be written in another way. Where only zeros at the end differ, `note` says
    so.
    """

    fields: dict[str, Any] | None
    odd: pd.Series[bool]
    problem: str = ""
    note: str = ""


def read_number_form(
    cells: pd.Series[Any], *, usual: str, decimal: str | None = None, thousands: str | None = None
) -> NumberReading:
    """Settle how a column writes its numbers.

    `usual` is the decimal mark that other columns show, or the file's separator suggests; `decimal`
    and `thousands` are what the owner said of the file.

    Examples
    --------
    >>> found = read_number_form(pd.Series(["1,234.50 kg", "7.00 kg"]), usual=".")
    >>> found.fields["thousands"], found.fields["decimals"], found.fields["suffix"]
    (',', 2, ' kg')
    >>> read_number_form(pd.Series(["4.123", "950"]), usual=".").problem[:41]
    'a point that may separate decimals or tho'
    """
    plain = cells.str.fullmatch(_PLAIN).astype(bool)
    if plain.all():
        parts = pd.DataFrame({"before": "", "core": cells, "after": ""}, index=cells.index)
        negative = cells.str.startswith("-")
        parts.loc[negative, "before"] = "-"
        parts.loc[negative, "core"] = cells[negative].str.slice(1)
    else:
        parts = cells.str.extract(f"^{_CELL.pattern}$")
    odd = parts["core"].isna()
    if odd.all():
        return NumberReading(None, odd)
    known = parts[~odd]
    is_code = known["core"].str.match(r"0\d")
    if is_code.any():  # leading zeros: a code, and no number
        return NumberReading(None, pd.Series(data=True, index=cells.index))
    marks = _marks(known["core"], usual, decimal, thousands)
    if isinstance(marks, str):
        return NumberReading(None, odd, "" if odd.any() else marks)
    point, grouping = marks
    odd |= ~parts["core"].str.fullmatch(_core(point, grouping), na=False).astype(bool)
    affixes = _affixes(parts[~odd])
    if affixes is None:
        return NumberReading(None, pd.Series(data=True, index=cells.index))
    fields, others = affixes
    odd |= others.reindex(odd.index, fill_value=False)
    if odd.any():
        return NumberReading(None, odd)
    core = parts["core"]
    if grouping:
        core = core.str.replace(grouping, "", regex=False)
    core = core.str.replace(point, ".", regex=False) if point != "." else core
    if problem := _inexact(core):
        return NumberReading(None, odd, problem)
    fields |= {"decimal_mark": point, "thousands": grouping} | _digits(core)
    return _in_one_form(cells, core, fields, odd)


def _in_one_form(
    cells: pd.Series[Any], core: pd.Series[Any], fields: dict[str, Any], odd: pd.Series[bool]
) -> NumberReading:
    """The fields that write all cells as they are, where marks or exponents may be in some."""
    from synthtab.sharing.columns import Column

    has_exponent = core.str.contains("[eE]")
    if not (has_exponent.any() or fields["thousands"] or fields["plus"]):
        decimals = core.str.partition(".")[2].str.len()
        least, most = fields["least_decimals"], int(decimals.max())
        other = decimals < most if least is None else (decimals > least) & core.str.endswith("0")
        note = "not all are written with as many zeros at their end as they will be"
        differs = fields["decimals"] is not None and bool(other.any())
        notes = [note] * differs
        minus, _ = fields.get("negative") or (f"{fields['prefix']}-", "")
        zeros = cells[core.str.strip("0.") == ""]
        notes += ["a zero loses its minus"] * bool(zeros.str.startswith(minus or " ").any())
        return NumberReading(fields, odd, note="; ".join(notes))
    different = cells.drop_duplicates()

    def writes_all(fields: dict[str, Any]) -> bool:
        column = Column("", "number", **fields)
        return number_cells(read_numbers(different, column), column) == different.tolist()

    forms = [fields]
    if has_exponent.any():
        digits = core.str.lower().str.partition("e")[0].str.replace(".", "", regex=False)
        most = max(int(digits.str.strip("0").str.len().max()), 1)
        letter = "G" if core.str.contains("E", regex=False).any() else "g"
        style = _exponent_style(core[has_exponent])
        styles = ["", f"<{style}", *(f"{letter}{n}" for n in (most, 6, 12, 17) if n >= most)]
        general = fields | {"decimals": None, "least_decimals": None}
        forms += [general | {"exponent": style} for style in styles]
    if found := next((form for form in forms if writes_all(form)), None):
        return NumberReading(found, odd)
    what = "an exponent" if has_exponent.any() else "a mark between thousands"
    what = what if has_exponent.any() or fields["thousands"] else "a plus"
    return NumberReading(
        fields,
        odd,
        f"numbers written in several ways, some with {what}: write them all one way, or let "
        "--number, for this column, have them written so",
    )


def read_numbers(cells: pd.Series[Any], column: Column) -> pd.Series[Any]:
    """Cells as float64, NaN where a cell is not a number as the column writes it."""
    if not (column.prefix or column.suffix or column.negative or column.thousands):
        written = cells.str.fullmatch(f"[+-]?{_core(column.decimal_mark, '')}", na=False)
        core = cells.where(written.astype(bool))
        if column.decimal_mark != ".":
            core = core.str.replace(column.decimal_mark, ".", regex=False)
        return core.astype(float)
    before, after = column.negative or (f"{column.prefix}-", column.suffix)
    negative = cells.str.startswith(before, na=False) & cells.str.endswith(after, na=False)
    positive = cells.str.startswith(column.prefix, na=False) & cells.str.endswith(
        column.suffix, na=False
    )
    core = cells.where(positive & ~negative).str.slice(
        len(column.prefix), -len(column.suffix) or None
    )
    core = core.where(~negative, cells.str.slice(len(before), -len(after) or None))
    core = core.str.strip().str.removeprefix("+")
    written = core.str.fullmatch(_core(column.decimal_mark, column.thousands), na=False)
    core = core.where(written.astype(bool))
    if column.thousands:
        core = core.str.replace(column.thousands, "", regex=False)
    if column.decimal_mark != ".":
        core = core.str.replace(column.decimal_mark, ".", regex=False)
    # Not to_numeric, which is off in the last bit where a number has 16 digits.
    values = core.astype(float)
    return values.where(~negative, -values)


def number_cells(values: pd.Series[Any], column: Column) -> list[str | None]:
    """Numbers as the column writes them, None for NaN.

    Examples
    --------
    >>> from synthtab.sharing.columns import Column
    >>> column = Column("cost", "number", decimals=1, decimal_mark=",", prefix="€")
    >>> number_cells(pd.Series([2.0, -3.25]), column)
    ['€2,0', '€-3,2']
    """
    array = values.to_numpy(dtype=float)
    size = np.abs(array)
    least, most = column.least_decimals, column.decimals
    if column.exponent.startswith(("g", "G")):
        style = f".{column.exponent[1:]}{column.exponent[0]}"
        text = [format(v, style) for v in size.tolist()]
    elif column.exponent.startswith("<"):
        text = [_shorter(v, column.exponent[1:]) for v in size.tolist()]
    elif column.exponent:
        text = [_with_exponent(v, most or 0, column.exponent) for v in size.tolist()]
    elif most is None:
        text = [repr(v) if least else repr(v).removesuffix(".0") for v in size.tolist()]
    else:
        style = f",.{most}f" if column.thousands else f".{most}f"
        text = [format(v, style) for v in size.tolist()]
        if least is not None and least < most:
            spare = most - least
            text = [_without_zeros(t, spare) for t in text]
    if column.thousands or column.decimal_mark != ".":
        marks = str.maketrans({",": column.thousands or ",", ".": column.decimal_mark})
        text = [t.translate(marks) for t in text]
    if not column.leading_zero:
        text = [t[1:] if t.startswith(f"0{column.decimal_mark}") else t for t in text]
    plus = "+" if column.plus else ""
    before, after = column.negative or (f"{column.prefix}-", column.suffix)
    cells: list[str | None] = []
    for value, t in zip(array.tolist(), text, strict=True):
        if value != value:
            cells.append(None)
        elif value < 0 and t.strip("0.,"):  # a negative number that rounds to zero has no sign
            cells.append(f"{before}{t}{after}")
        else:
            cells.append(f"{column.prefix}{plus if value > 0 else ''}{t}{column.suffix}")
    return cells


def exactly(values: pd.Series[Any]) -> pd.Series[bool]:
    """Which numbers of a typed column are held by a float64 to the last digit.

    Examples
    --------
    >>> exactly(pd.Series([2**53, 2**53 + 1, Decimal("0.1")], dtype=object)).tolist()
    [True, False, True]
    """
    if values.dtype.kind == "f":
        return pd.Series(data=True, index=values.index)
    if values.dtype.kind in "iu":
        near = values.abs() <= 2**53 if values.dtype.kind == "i" else values <= 2**53
        if bool(near.all()):
            return pd.Series(data=True, index=values.index)

    def is_exact(value: Any) -> bool:
        if isinstance(value, Decimal):
            return value.is_finite() and Decimal(repr(float(value))) == value
        if isinstance(value, int | np.integer):
            return abs(int(value)) < 10**300 and int(float(int(value))) == int(value)
        return True

    return pd.Series([is_exact(v) for v in values.tolist()], index=values.index, dtype=bool)


def widened(values: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers as float64; 0.1 of a shorter float stays 0.1, and is not 0.10000000149.

    Examples
    --------
    >>> widened(pd.Series([0.1, None], dtype="float32")).tolist()
    [0.1, nan]
    """
    if values.dtype not in (np.float16, np.float32):
        return values.astype(float)
    codes, different = pd.factorize(values)
    decimal = np.append(different.astype(str).astype(float), np.nan)
    return pd.Series(decimal[codes], index=values.index)


def _core(point: str, grouping: str) -> str:
    """Pattern of a number without a sign and without what stands around it."""
    p = re.escape(point)
    n = "[0-9]+"  # and no digits of another script, which could not be written again
    whole = rf"(?:[0-9]{{1,3}}(?:{re.escape(grouping)}[0-9]{{3}})+|{n})" if grouping else n
    return rf"(?:{whole}(?:{p}{n})?|{p}{n})(?:[eE][+-]?{n})?"


def _marks(
    core: pd.Series[Any], usual: str, decimal: str | None, thousands: str | None
) -> tuple[str, str] | str:
    """Decimal mark and thousands mark, or why they cannot be told."""
    if decimal is not None or thousands is not None:
        point = decimal or ("," if thousands == "." else ".")
        return point, thousands or ""
    groupings = [m for m in _GROUPING if core.str.contains(m, regex=False).any()]
    has = [m for m in ".," if core.str.contains(m, regex=False).any()]
    if groupings or not has:
        return (has[0] if has else usual), "".join(groupings[:1])
    if len(has) == 2:
        both = core[core.str.contains(".", regex=False) & core.str.contains(",", regex=False)]
        if both.empty:
            n_points = int(core.str.contains(".", regex=False).sum())
            n_commas = int(core.str.contains(",", regex=False).sum())
            if max(n_points, n_commas) >= _NEARLY * (n_points + n_commas):
                return "." if n_points > n_commas else ",", ""  # the others are mistakes
            return (
                "decimals written with a comma and with a point: write them all one way, or name "
                "the marks with --decimal and --thousands"
            )
        first = both.iloc[0]
        point = max(".,", key=first.rindex)
        return point, "," if point == "." else "."
    mark = has[0]
    other = "," if mark == "." else "."
    if (core.str.count(re.escape(mark)) > 1).any():  # 1.234.567
        return other, mark
    marked = core.str.contains(mark, regex=False)
    may_group = core[marked].str.fullmatch(rf"[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}").all()
    if not may_group or (marked.all() and mark == usual):
        return mark, ""
    name, example = ("a point", "4.123") if mark == "." else ("a comma", "4,123")
    return (
        f"{name} that may separate decimals or thousands: {example} can be read as 4{usual}123 or "
        f"as 4123; say which with --decimal {mark!r} or --thousands {mark!r}, or for this column "
        f"as decimal_mark or thousands in schema.yaml"
    )


def _affixes(parts: pd.DataFrame) -> tuple[dict[str, Any], pd.Series[bool]] | None:
    """What stands around positive and around negative numbers, and which cells have it not."""
    signs = parts["before"].str.extract(r"([(+−-])", expand=False).fillna("")
    ends = parts["after"].str.endswith("-")
    negative = signs.isin(["-", "−", "("]) | ends
    plus = signs == "+"
    # A seven stands for the number: neither part has one.
    around = parts["before"].str.replace("+", "", regex=False) + "7" + parts["after"]
    fields: dict[str, Any] = {"plus": bool(plus.any())}
    odd = pd.Series(data=False, index=parts.index)
    for which, cells in (("positive", around[~negative]), ("negative", around[negative])):
        if cells.empty:
            continue
        usual = cells.mode().iloc[0]
        odd[cells.index[cells != usual]] = True
        before, _, after = usual.partition("7")
        if which == "positive":
            fields |= {"prefix": before, "suffix": after}
        else:
            fields["negative"] = (before, after)
    if "negative" in fields:
        before, after = fields["negative"]
        if negative.all():  # the sign alone goes with a number
            fields["prefix"] = re.sub(r"[(−-]", "", before)
            fields["suffix"] = after.removesuffix("-").removesuffix(")")
        if (before, after) == (f"{fields['prefix']}-", fields["suffix"]):
            fields["negative"] = None
    return fields, odd


def _digits(core: pd.Series[Any]) -> dict[str, Any]:
    """How many digits a column writes, of cells with a point and without thousands marks."""
    halves = core.str.lower().str.partition("e")
    decimals = halves[0].str.partition(".")[2].str.len()
    least, most = int(decimals.min()), int(decimals.max())
    bare = bool(core.str.startswith(".").any())
    found: dict[str, Any] = {"leading_zero": not bare, "exponent": ""}
    has_exponent = halves[1] == "e"
    if has_exponent.all():
        found |= {"exponent": _exponent_style(core)}
        return found | {"decimals": most, "least_decimals": None}
    if has_exponent.any() or most > _MOST_DECIMALS:
        return found | {"decimals": None, "least_decimals": min(least, 1) or None}
    # Zeros at the end of full-length cells: what is shorter was written by another hand.
    n_zeros = int(((decimals == most) & core.str.endswith("0")).sum()) if most else 0
    fixed = least == most or n_zeros >= int((decimals < most).sum())
    return found | {"decimals": most, "least_decimals": None if fixed else least}


def _exponent_style(core: pd.Series[Any]) -> str:
    """Letter, sign and least digits of the powers of ten of cells that all have one."""
    powers = core.str.lower().str.partition("e")[2]
    signed = bool(powers.str.startswith(("+", "-")).all())
    width = int(powers.str.lstrip("+-").str.len().min())
    return ("E" if "E" in core.iloc[0] else "e") + "+" * signed + "0" * width


def _inexact(core: pd.Series[Any]) -> str:
    """Why numbers cannot be held as they are; nothing if they can."""
    digits = core.str.lower().str.partition("e")[0].str.replace(".", "", regex=False)
    long = core[digits.str.lstrip("0").str.len() > 15]
    for cell in long:
        value = Decimal(cell)
        if value == value.to_integral_value():
            is_exact = int(float(cell)) == value
        else:  # 17 digits tell every float from the next
            is_exact = len(value.normalize().as_tuple().digits) <= 17
        if not is_exact:
            n = int(digits.str.len().max())
            return f"numbers of up to {n} digits, more than can be held exactly"
    values = core.astype(float)
    if (values.abs() > _LARGEST).any():
        return f"numbers beyond {_LARGEST:g}, which cannot be computed with"
    return ""


def _with_exponent(value: float, decimals: int, style: str) -> str:
    if value != value:
        return "nan"
    mantissa, _, power = f"{value:.{decimals}e}".partition("e")
    sign = "-" if power.startswith("-") else "+" if "+" in style else ""
    return f"{mantissa}{style[0]}{sign}{power[1:].lstrip('0').rjust(style.count('0'), '0')}"


def _shorter(value: float, style: str) -> str:
    """A number with an exponent where it is shorter so, with all of its digits."""
    if value != value:
        return "nan"
    exact = Decimal(repr(value)).normalize()
    plain = format(exact, "f")
    powered = _with_exponent(value, len(exact.as_tuple().digits) - 1, style)
    return powered if len(powered) < len(plain) else plain


def _without_zeros(text: str, spare: int) -> str:
    """A number with up to `spare` zeros fewer at its end."""
    for _ in range(spare):
        if not text.endswith("0"):
            break
        text = text[:-1]
    return text.removesuffix(".")


# --- dates -----------------------------------------------------------------------------------

DAY = 86_400_000_000
"""Microseconds in a day: dates are counted in whole microseconds."""

_NUMBERS: dict[str, tuple[str, int]] = {  # directive: what it writes, and in how many digits
    **{"Y": ("year", 4), "m": ("month", 2), "d": ("day", 2), "H": ("hour", 2)},
    **{"M": ("minute", 2), "S": ("second", 2), "j": ("dayofyear", 3)},
}
_MONTHS = "January February March April May June July August September October November December"
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_NAMES = {"B": ("month", ["", *_MONTHS.split()]), "A": ("dayofweek", _WEEKDAYS.split())}
_DIRECTIVE = re.compile(r"%([-^]?)(\d?)([A-Za-z%])")
_KNOWN = {*_NUMBERS, *_NAMES, *"abIyfpPz%"}
# Where day and month can be told apart by no cell, the European order is taken, and shown.
_DAYS = (
    *"%Y-%m-%d %d.%m.%Y %d/%m/%Y %Y/%m/%d %m/%d/%Y %d-%m-%Y %m-%d-%Y %Y.%m.%d %m.%d.%Y".split(),
    *"%d.%m.%y %d/%m/%y %m/%d/%y %d-%m-%y %m-%d-%y %y-%m-%d %Y-%m %m/%Y %Y-%b-%d".split(),
    *"%d-%b-%Y %d-%b-%y %d%b%Y %d%b%y %d/%b/%Y %b-%Y %b-%y".split(),
    *("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d. %B %Y", "%b %d %Y", "%B %d %Y"),
    *("%a, %d %b %Y", "%a %d %b %Y", "%A, %B %d, %Y", "%a %b %d %Y", "%b %Y", "%B %Y", "%d %m %Y"),
)
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):\d{2}(?P<second>:\d{2}(?P<fraction>[.,]\d{1,6})?)?(?P<half>\s?[AaPp][Mm])?"
    r"(?P<zone>\s?(?:Z|UTC|GMT|[A-Z]{3,4}|[+-]\d{2}(?::?\d{2})?))?$"
)
_DAY = re.compile(  # what may be one: a quick look
    r"\d{1,4}[./ -]\d{1,2}(?:[./ -]\d{1,4})?"
    r"|[\w.,/ -]{0,14}(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[\w.,/ -]{2,20}",
    re.IGNORECASE,
)
_DIGITS_ONLY = {  # dates without marks, by their length, and how many different ones are needed
    6: (("%Y%m", 6), ("%y%m%d", 20), ("%d%m%y", 20)),
    8: (("%Y%m%d", 2), ("%d%m%Y", 10), ("%m%d%Y", 10)),
    10: (("%Y%m%d%H", 10),),
    12: (("%Y%m%d%H%M", 2),),
    14: (("%Y%m%d%H%M%S", 2),),
}
_NEARLY = 0.8
_EARLIEST, _LATEST = 1850, 2150  # years of a date without marks; any other is a number


SEVERAL_ZONES = "times of several zones: convert them to one"


class DateReading(NamedTuple):
    """The format that fits most cells (None: none does), which it does not fit, and a remark.

    `other` is a format that fits as well, and reads other dates.
    """

    format: str | None
    odd: pd.Series[bool]
    note: str = ""
    other: str = ""


def read_date_format(cells: pd.Series[Any]) -> DateReading:
    """Settle how a column writes its dates, on all of its cells.

    A zone that is the same in all cells becomes part of the format; the time is the clock's.

    Examples
    --------
    >>> read_date_format(pd.Series(["1/13/2024 9:05 AM", "2/1/2024 10:15 PM"])).format
    '%-m/%-d/%Y %-I:%M %p'
    >>> read_date_format(pd.Series(["2024-01-01T10:00:00.250+03:00"])).format
    '%Y-%m-%dT%H:%M:%S.%3f+03:00'
    """
    nothing = DateReading(None, pd.Series(data=True, index=cells.index))
    different = pd.Series(cells.unique(), dtype=object)
    sample = different.iloc[:: max(1, len(different) // 5)].head(6)
    tried: dict[str, pd.Series[bool]] = {}
    for cell in sample:
        for form in _formats_of(cell):
            if form not in tried:
                tried[form] = read_dates(different, form).notna()
    if not tried:
        return nothing
    best = max(tried, key=lambda form: int(tried[form].sum()))
    if not tried[best].any():
        return nothing
    odd = ~cells.isin(different[tried[best]])
    if odd.any():
        clocks = different.str.extract(_CLOCK)
        n_zones = clocks["zone"].fillna("").nunique() if clocks["hour"].notna().all() else 1
        return DateReading(best, odd, SEVERAL_ZONES if n_zones > 1 else "")
    days = read_dates(different, best)
    fits = (
        form
        for form, fit in tried.items()
        if fit.all() and "." not in form[:4] and not read_dates(different, form).equals(days)
    )  # with points the day stands first wherever they are used
    other = next(fits, "")
    form, alike = _as_written(different, best)
    note = f"written {form}" + (f", though {other} would fit as well" if other else "")
    note = note if alike else f"{note}; not all are written so now"
    return DateReading(form, odd, note, other)


def read_compact_dates(cells: pd.Series[Any]) -> DateReading:
    """As `read_date_format`, of whole numbers that are dates, such as 20240131.

    Examples
    --------
    >>> read_compact_dates(pd.Series(["20240131", "20240201"])).format
    '%Y%m%d'
    """
    nothing = DateReading(None, pd.Series(data=True, index=cells.index))
    different = pd.Series(cells.unique(), dtype=object)
    length = len(different.iloc[0])
    if length not in _DIGITS_ONLY:
        return nothing
    digits = different.str.fullmatch(rf"\d{{{length}}}").astype(bool)
    if digits.mean() < _NEARLY or (length != 8 and not digits.all()):
        return nothing
    for form, n_needed in _DIGITS_ONLY[length]:
        if len(different) < n_needed or read_dates(different.head(20), form).isna().mean() > 0.2:
            continue
        dates = read_dates(different.where(digits), form)
        likely = dates.dt.year.between(_EARLIEST, _LATEST) | (dates.dt.year == 9999)
        if likely.all() or (length == 8 and len(different) >= 10 and likely.mean() >= _NEARLY):
            odd = ~cells.isin(different[likely])
            note = "" if odd.any() else f"dates written {form}; numbers if `kind: number` says so"
            return DateReading(form, odd, note)
    return nothing


def read_dates(cells: pd.Series[Any], form: str) -> pd.Series[Any]:
    """Cells as datetime64[us], NaT where a cell is no such date."""
    plain = _DIRECTIVE.sub(lambda m: f"%{m[3].replace('P', 'p')}", form)
    text = cells.where(cells.str.contains(r"\d", na=False))  # "now" is no cell's date
    if "%f" in plain:  # pandas takes more digits than it keeps here
        text = text.where(~text.str.contains(r"[.,]\d{7}", na=False))
    parsed = pd.to_datetime(text, format=plain, errors="coerce").astype("datetime64[us]")
    late = parsed.isna() & text.notna()
    if late.any() and text[late].str.contains(r"\d{4}").any():  # beyond 2262, before 1677
        found = {cell: _python_date(cell, plain) for cell in text[late].unique()}
        parsed[late] = text[late].map(found).astype("datetime64[us]")
    return parsed


def date_cells(values: pd.Series[Any], form: str) -> pd.Series[Any]:
    """Dates in a format, missing where there is none.

    Examples
    --------
    >>> date_cells(pd.Series(pd.to_datetime(["2024-01-05 14:03:00.25"])), "%-d.%-m.%y %H:%M:%S.%3f")
    0    5.1.24 14:03:00.250
    dtype: object
    """
    known = values.dropna()
    text: Any = np.full(len(known), "", dtype=object)
    end = 0
    for found in _DIRECTIVE.finditer(form):
        text = text + form[end : found.start()]
        text = text + _written(known.dt, *found.groups())
        end = found.end()
    return pd.Series(text + form[end:], index=known.index, dtype=object).reindex(values.index)


def format_problem(form: object) -> str:
    """What is wrong with the format of dates; nothing if it is one.

    Examples
    --------
    >>> format_problem("%d-%q")
    "format '%d-%q' has '%q', which is no part of a date; write it as '%d.%m.%Y'"
    """
    if not isinstance(form, str) or "%" not in form:
        return f"format is {form!r}, should be one of dates, such as '%d.%m.%Y'"
    rest = _DIRECTIVE.sub(lambda m: "" if m[3] in _KNOWN else m[0], form)
    if "%" in rest:
        odd = rest[rest.index("%") :][:2]
        return f"format {form!r} has {odd!r}, which is no part of a date; write it as '%d.%m.%Y'"
    names = [m[3] for m in _DIRECTIVE.finditer(form)]
    if len(names) != len(set(names)):
        return f"format {form!r} names a part of a date twice"
    return ""


def with_zone_of(cells: pd.Series[Any], form: str) -> str:
    """The format with %z replaced by the zone that all cells have; as it is if they differ."""
    zones = cells.dropna().str.extract(_CLOCK)["zone"].fillna("").unique()
    return form.replace("%z", zones[0].strip()) if "%z" in form and len(zones) == 1 else form


def unit_of(micros: np.ndarray[Any, Any]) -> int:
    """The longest of day, hour, minute, second, millisecond and microsecond that divides all."""
    units = (DAY, DAY // 24, DAY // 1440, 1_000_000, 1000)
    return next((unit for unit in units if not (micros % unit).any()), 1)


def _python_date(cell: str, form: str) -> Any:
    try:
        return np.datetime64(datetime.datetime.strptime(cell, form).replace(tzinfo=None), "us")
    except ValueError:
        return np.datetime64("NaT", "us")


def _formats_of(cell: str) -> list[str]:
    """Formats that may be those of a cell."""
    if len(cell) > 45 or not re.search(r"\d", cell):
        return []
    found = _CLOCK.search(cell)
    clock, zone, text = "", "", cell
    if found:
        half = found["half"]
        clock = "%I:%M" if half else "%H:%M"
        clock += ":%S" if found["second"] else ""
        if found["fraction"]:
            clock += f"{found['fraction'][0]}%{len(found['fraction']) - 1}f"
        if half:
            clock += " " * half[0].isspace() + ("%P" if half.strip().islower() else "%p")
        zone, text = (found["zone"] or "").replace("%", "%%"), cell[: found.start()]
    if not text:
        return [clock + zone]
    linked = re.search(r"(?:T|,? +|:)$", text) if found else None
    link = linked[0] if linked else ""
    text = text.removesuffix(link)
    if not _DAY.fullmatch(text):
        return []
    named = re.search("[A-Za-z]", text) is not None
    days = [day for day in _DAYS if ("b" in day.lower()) == named]
    return [f"{d}{link}{clock}{zone}" for d in days if not np.isnat(_python_date(text, d))]


def _as_written(cells: pd.Series[Any], form: str) -> tuple[str, bool]:
    """The variant of a format that writes most cells as they are, and whether it writes all so."""
    dates = read_dates(cells, form)
    variants = [form]
    for part, other in (("%b", "%^b"), ("%B", "%^B"), ("%d", "%-d"), ("%m", "%-m")):
        variants += [v.replace(part, other) for v in variants if part in v]
    for part, other in (("%H", "%-H"), ("%I", "%-I")):
        variants += [v.replace(part, other) for v in variants if part in v]
    shares = {v: float((date_cells(dates, v) == cells).mean()) for v in variants}
    best = max(variants, key=lambda v: shares[v])
    return best, shares[best] == 1


def _written(dates: Any, flag: str, digits: str, name: str) -> Any:
    """What one directive writes of dates."""
    if name == "%":
        return "%"
    if name in _NUMBERS:
        part, width = _NUMBERS[name]
        return np.char.mod(f"%0{1 if flag else width}d", getattr(dates, part)).astype(object)
    if name == "y":
        return np.char.mod("%02d", dates.year % 100).astype(object)
    if name == "I":
        return np.char.mod("%d" if flag else "%02d", (dates.hour - 1) % 12 + 1).astype(object)
    if name == "f":
        width = int(digits or 6)
        return np.char.mod(f"%0{width}d", dates.microsecond // 10 ** (6 - width)).astype(object)
    if name in "pP":
        words = ("am", "pm") if name == "P" else ("AM", "PM")
        return np.array(words, dtype=object)[(dates.hour >= 12).to_numpy(dtype=int)]
    part, names = _NAMES[name.upper()]
    if name.islower():
        names = [n[:3] for n in names]
    if flag == "^":
        names = [n.upper() for n in names]
    return np.array(names, dtype=object)[getattr(dates, part).to_numpy()]
