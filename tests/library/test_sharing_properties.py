"""Whatever a table is written like, every cell comes back as it was, or the table is refused.

`make fuzz` runs this for ten minutes with other tables each time.
"""

import csv
import io
import os
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthtab.sharing.cells import date_cells
from synthtab.sharing.columns import LEARNT, check_plan, infer_plan, plan_text, read_plan
from synthtab.sharing.form import TableForm, typed
from synthtab.sharing.source import TableError, read_source
from synthtab.sharing.ties import with_relations
from synthtab.sharing.writer import row_writer

N_ROWS = 30
EXAMPLES = int(os.environ.get("SYNTHTAB_FUZZ", "15"))
calm = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
FORMATS = (
    *("%Y-%m-%d", "%d.%m.%Y", "%-d.%-m.%Y", "%m/%d/%Y", "%Y%m%d", "%d-%b-%y", "%b %d, %Y"),
    *("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.%3f", "%-m/%-d/%Y %-I:%M %p", "%d/%m/%Y %H:%M"),
    *("%Y-%m-%dT%H:%M:%S.%6f+03:00", "%H:%M:%S", "%d%^b%Y", "%Y%m%d%H%M%S", "%a, %d %b %Y"),
)
GAPS = ("", "NA", "nan", "NULL", "None", "N/A")


@st.composite
def number_cells(draw) -> list[str]:
    """Numbers written one way."""
    decimals = draw(st.integers(0, 6))
    point, group = draw(st.sampled_from([(".", ""), (",", ""), (".", ","), (",", "."), (",", " ")]))
    before, after = draw(st.sampled_from([("", ""), ("$", ""), ("", " kg"), ("", "%"), ("% ", "")]))
    bare = draw(st.booleans()) and not group
    size = draw(st.sampled_from([1, 1000, 10**7]))
    numbers = draw(
        st.lists(
            st.integers(-size * 10**decimals, size * 10**decimals), min_size=N_ROWS, max_size=N_ROWS
        )
    )
    cells = []
    for number in numbers:
        text = f"{abs(number) / 10**decimals:{',' if group else ''}.{decimals}f}"
        text = text.replace(".", "p").replace(",", group).replace("p", point)
        text = text[1:] if bare and text.startswith(f"0{point}") else text
        cells.append(f"{before}{'-' if number < 0 else ''}{text}{after}")
    return cells


@st.composite
def dates(draw) -> list[str]:
    """Dates written one way."""
    start = datetime(draw(st.integers(1930, 2060)), 1, 1)
    steps = draw(st.lists(st.integers(0, 10**9), min_size=N_ROWS, max_size=N_ROWS))
    values = pd.Series([start + timedelta(seconds=s, microseconds=s % 10**6) for s in steps])
    return date_cells(values.astype("datetime64[us]"), draw(st.sampled_from(FORMATS))).tolist()


@st.composite
def words(draw) -> list[str]:
    """Text of few values, whatever they are."""
    letters = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
    known = draw(st.lists(st.text(letters, min_size=1, max_size=8), min_size=2, max_size=5))
    return [known[i % len(known)] for i in range(N_ROWS)]


@st.composite
def digits(draw) -> list[str]:
    """Whole numbers of any length, zeros at their beginning among them."""
    length = draw(st.integers(1, 25))
    known = draw(
        st.lists(st.text("0123456789", min_size=length, max_size=length), min_size=2, max_size=12)
    )
    return [known[i % len(known)] for i in range(N_ROWS)]


SPECIAL = (
    *("3.8e+00", "1E5", "-1", "+5", "0.0", "inf", "-", "1 234", "1,5", "1.234", "(5.00)", "12,5 %"),
    *("yes", "no", "Evet", "hayır", "TRUE", "x", "00123", "123456789012345678901", "٣", "½"),
    *("2024-01-31", "31/01/2024", "25:61", "7:05", "1:30:00", "P1DT2H", "1_000", "0x1F"),
    *("2024-01-01T00:00:00+03:00", '"', "a\nb", "a;b,c|d\te", " padded ", "=1+1", "'5", "€ 5"),
    *("₺1.234,50", "\ufeffk", "?"),
)


@st.composite
def mixed(draw) -> list[str]:
    """Cells of several kinds in one column."""
    # No second sign of a gap beside that of the table: one of them is written for both.
    text = st.text(max_size=4).filter(str.strip)
    cells = st.one_of(st.sampled_from(SPECIAL), text, st.integers().map(str))
    known = draw(st.lists(cells, min_size=1, max_size=6))
    rest = draw(st.one_of(number_cells(), dates(), st.just(known * N_ROWS)))
    return [known[i % len(known)] if i % 3 else rest[i] for i in range(N_ROWS)]


@st.composite
def tables(draw) -> tuple[bytes, str]:
    """A CSV file of any look, and its encoding."""
    columns = draw(
        st.lists(
            st.one_of(number_cells(), dates(), words(), digits(), mixed()), min_size=1, max_size=4
        )
    )
    gap, every = draw(st.sampled_from(GAPS)), draw(st.sampled_from([0, 3, 7]))
    if every:
        columns = [[gap if i % every == 1 else c for i, c in enumerate(col)] for col in columns]
    columns += [[f"k{i % 3}" for i in range(N_ROWS)], [f"{i % 17}.5" for i in range(N_ROWS)]]
    file = io.StringIO()
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    writer = csv.writer(file, delimiter=draw(st.sampled_from(",;\t|")), lineterminator=line_end)
    writer.writerow([*(f"column {i}" for i in range(len(columns) - 2)), "k", "y"])
    writer.writerows(zip(*columns, strict=True))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return file.getvalue().encode(encoding), encoding


def written_again(path: Path) -> tuple[Path, list[str]] | None:
    """The learnable columns of a file, written as synthetic rows are; None if it is refused."""
    try:
        source = read_source(path)
        plan = infer_plan(source, "y")
        again = read_plan(plan_text(plan), source, "y", "schema.yaml")
        assert again.columns == plan.columns
        plan = plan.drop([c.name for c in plan.columns if c.kind not in LEARNT])
        check_plan(plan, path)
        frame = typed(source, plan)
        form = TableForm.fit(frame, source, plan)
    except TableError:
        return None
    out = path.with_name(f"again{path.suffix}")
    out.unlink(missing_ok=True)
    with row_writer(out, form) as writer:
        writer.write(form.restore(form.prepare(frame, random_state=0)))
    return out, [c.name for c in plan.kept]


@calm
@given(tables())
def test_every_cell_of_a_csv_file_comes_back_as_it_was_or_the_file_is_refused(
    tmp_path_factory, table
):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_bytes(table[0])
    done = written_again(path)
    if done is None:
        return
    out, names = done
    was, now = read_source(path).cells[names], read_source(out, header=True).cells[names]
    for name in names:
        assert now[name].tolist() == was[name].tolist()


NAMES = ("k", "y", "", " ", "a", "a.1", "\ufeffa", "x\ny", 'q"', "1", "2024-01-01", "Unnamed: 0")


@st.composite
def damaged(draw) -> bytes:
    """A CSV file with odd names, some of whose bytes are lost, doubled, or others."""
    data = draw(tables())[0]
    head, mark, body = data.partition(b"\n")
    names = [draw(st.sampled_from(NAMES)) for _ in range(head.count(b",") + 1)]
    if draw(st.booleans()):
        data = ",".join(names).encode() + mark + body
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([0, 1, 2, 200]))
        new = draw(
            st.sampled_from([b"", b"\0", b'"', b",", b"\n\n", b"\xff", b"\r", data[at : at + 9]])
        )
        data = data[:at] + new + data[at + length :]
    return data


@calm
@given(damaged(), st.booleans())
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, data, header):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_bytes(data)
    try:
        source = read_source(path, header=header or None)
        for target in [str(c) for c in source.cells][-1:]:
            plan = infer_plan(source, target)
            with_relations(plan, typed(source, plan))
    except TableError:
        return


_TYPES = st.sampled_from(
    [
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64(), pa.float32()),
        *(
            pa.float64(),
            pa.bool_(),
            pa.string(),
            pa.date32(),
            pa.timestamp("s"),
            pa.decimal128(9, 2),
        ),
        *(pa.timestamp("ms"), pa.timestamp("us", tz="Europe/Istanbul"), pa.decimal128(30, 2)),
        *(pa.timestamp("us"), pa.timestamp("ns"), pa.time64("us"), pa.duration("s"), pa.binary()),
    ]
)


@calm
@given(
    st.lists(
        st.tuples(_TYPES, st.integers(0, 2**63 - 1), st.sampled_from([0, 4])),
        min_size=1,
        max_size=4,
    )
)
def test_every_cell_of_a_parquet_file_comes_back_as_it_was_or_the_file_is_refused(
    tmp_path_factory, columns
):
    arrays = {}
    for i, (kind, seed, every) in enumerate(columns):
        cells = [None if every and j % every == 1 else seed * (j + 7) for j in range(N_ROWS)]
        arrays[f"column {i}"] = _array(cells, kind)
    arrays["k"] = pa.array([f"k{i % 3}" for i in range(N_ROWS)])
    arrays["y"] = pa.array([i % 17 + 0.5 for i in range(N_ROWS)])
    path = tmp_path_factory.mktemp("table") / "table.parquet"
    pq.write_table(pa.table(arrays), path)
    done = written_again(path)
    if done is not None:
        out, names = done
        assert pq.read_table(out).equals(pq.read_table(path).select(names))


def _array(cells: list[int | None], kind: pa.DataType) -> pa.Array:
    """An array of a type, of whole numbers of any size."""
    if pa.types.is_decimal(kind):
        most = 10 ** (kind.precision - 2)
        text = [None if c is None else f"{c % most}.{c % 100:02d}" for c in cells]
        return pa.array(text).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array([None if c is None else c % 3 == 0 for c in cells], kind)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return pa.array([None if c is None else str(c % 5) for c in cells]).cast(kind)
    if pa.types.is_floating(kind):
        return pa.array([None if c is None else c % 9999 / 8 for c in cells], kind)
    if pa.types.is_date32(kind):
        return pa.array([None if c is None else c % 40_000 for c in cells], pa.int32()).cast(kind)
    if pa.types.is_integer(kind):
        most = 2 ** (kind.bit_width - 1) - 1
        return pa.array([None if c is None else c % most for c in cells], kind)
    most = {"s": 10**9, "ms": 10**12, "us": 10**15, "ns": 10**18}[getattr(kind, "unit", "us")]
    most = 86_400 * 10**6 if pa.types.is_time(kind) else most
    return pa.array([None if c is None else c % most for c in cells], pa.int64()).cast(kind)
