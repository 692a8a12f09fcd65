"""The command line: `synthtab share`, `sample`, `evaluate` and `info`.

Exit status: 0, done. 2, wrong use or bad input, and nothing was written. 3, the report card fails:
`share` has kept the table back, `evaluate` has judged one that should not be released. 130,
interrupted. 1 is an error of this program: please report it.
"""

from __future__ import annotations

import _thread
import argparse
import contextlib
import errno
import os
import platform
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import torch

from synthtab.attacks.card import ROWS
from synthtab.evaluation.utility import LEARNERS
from synthtab.sharing.assessment import METRICS, REAL, SYNTHETIC, Assessment, versions
from synthtab.sharing.bundle import sample_to_file
from synthtab.sharing.card_page import card_template
from synthtab.sharing.columns import infer_plan, plan_text
from synthtab.sharing.declaration import declaration_text
from synthtab.sharing.evaluate import evaluate, write_evaluation
from synthtab.sharing.form import typed
from synthtab.sharing.share import share
from synthtab.sharing.source import TableError, neutral, read_source, showing_values
from synthtab.sharing.ties import with_relations
from synthtab.sharing.workplace import PRIVATE, refuse_taken

DONE, FAILED, WRONG_USE, WITHHELD, INTERRUPTED = 0, 1, 2, 3, 130

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_OF_THE_DISK = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT),
)


class Refusal(Exception):
    """What was asked for cannot be done; the message says why, and nothing was written."""


def tell(text: str) -> None:
    """Write to the terminal, beside what a command returns: names steer nothing there."""
    sys.stderr.write(neutral(text))
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status, one of those of the module.

    Without arguments those of the process are taken.

    Examples
    --------
    >>> main(["info"])
    synthtab ...
    0
    """
    return carry_out(_parser(), arguments)


def carry_out(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Run a command of a parser, and turn what may go wrong into an exit status.

    Each command of the parser sets ``call``, a function of the options that returns an exit status,
    and ``extra``, the optional dependencies that it needs.
    """
    options = parser.parse_args(arguments)
    # Sums split over threads are added in an order that depends on the machine.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    signal.signal(signal.SIGTERM, _terminate)
    show = showing_values() if getattr(options, "show_values", False) else contextlib.nullcontext()
    try:
        with _heard_everywhere(), show:
            status: int = options.call(options)
        # A reader that has gone away is noticed here, and not at exit.
        sys.stdout.flush()
        return status
    except (Refusal, TableError) as error:
        tell(f"{error}\n")
        return WRONG_USE
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("synthtab"):
            raise
        sys.stderr.write(f"{error.name} is missing: pip install 'synthtab[{options.extra}]'\n")
        return WRONG_USE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except ConnectionError as error:
        tell(f"{error}\n")
        return WRONG_USE
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        sys.stderr.write(
            f"{error.filename or 'a file'} could not be written: {error.strerror}; nothing was "
            "kept. Make room, or choose another place for --out\n"
        )
        return WRONG_USE
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: nothing was written\n")
        return INTERRUPTED


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    # As Ctrl-C: what is unfinished is removed on the way out.
    raise KeyboardInterrupt


@contextlib.contextmanager
def _heard_everywhere() -> Iterator[None]:
    """Ask again for an interrupt that falls into a callback from C, which Python only reports."""

    def ask_again(lost: sys.UnraisableHookArgs) -> None:
        if lost.exc_type is KeyboardInterrupt:
            threading.Timer(0.05, _thread.interrupt_main).start()
        else:
            sys.__unraisablehook__(lost)

    before, sys.unraisablehook = sys.unraisablehook, ask_again
    try:
        yield
    finally:
        sys.unraisablehook = before


# --- the commands and their options ----------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synthtab",
        description="Synthetic tables with a report card: share your own table. "
        "`synthtab COMMAND --help` tells more.",
    )
    parser.set_defaults(extra="share")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_share(commands)
    sample = commands.add_parser(
        "sample",
        help="draw more rows from a model that share has made",
        description="Draw rows from a model of `synthtab share` into a new file. They are drawn "
        "and written block by block: their number is not bounded by memory. Rows beyond those that "
        "the report card judged tell an attacker more.",
        epilog=_SAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sample.add_argument("model", type=Path, help="folder private/model that share has made")
    sample.add_argument("-n", type=int, metavar="ROWS", help="rows to draw")
    sample.add_argument(
        "--out",
        type=Path,
        required=True,
        help="new .csv, .parquet or .xlsx file; without a suffix a folder of Parquet files",
    )
    sample.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="draw rows that meet it only: 'age>=65', 'admitted<2026-01-31', 'city=Bonn,Bursa', "
        "'weight=' for a missing value; may be repeated",
    )
    sample.add_argument(
        "--complete",
        type=Path,
        metavar="FILE",
        help="complete the rows of a file with some of the columns; empty cells are filled",
    )
    sample.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="let the workers of a Dask scheduler draw the files of a folder: tcp://10.0.0.1:8786",
    )
    sample.add_argument(
        "--seed", type=_seed, help="seed of the draw; by default another every time"
    )
    sample.add_argument(
        "--release-anyway",
        action="store_true",
        help="draw even from a model whose table was kept back",
    )
    sample.set_defaults(call=_sample)
    judge = commands.add_parser(
        "evaluate",
        help="judge anybody's synthetic table",
        description="Judge a synthetic table, from any tool, beside the real one. Exit status 3 "
        "when a privacy rule fails.",
    )
    judge.add_argument("real", type=Path, help="the real table")
    judge.add_argument("synthetic", type=Path, help="the synthetic one")
    judge.add_argument(
        "--unseen",
        type=Path,
        metavar="FILE",
        help="real rows that the synthetic table was not made from; without them there is no "
        "verdict on privacy",
    )
    judge.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write report_card.html and record.json there"
    )
    judge.add_argument("--seed", type=_seed, default=0, help="seed of everything; default 0")
    _add_columns(judge)
    judge.set_defaults(call=_evaluate)
    info = commands.add_parser(
        "info",
        help="versions and devices; with a file, what its columns are taken for",
        description="Print versions and devices. With a file and its target, print what its "
        "columns are taken for, as the YAML that --schema reads: "
        "`synthtab info patients.csv --target cost > schema.yaml`.",
    )
    info.add_argument("table", type=Path, nargs="?", help="a CSV, Parquet or XLSX file")
    info.add_argument("--target", help="column that others are to predict")
    info.add_argument(
        "--private-template",
        action="store_true",
        help="print a declaration to fill in, for share --epsilon",
    )
    _add_locale(info)
    _add_reading(info)
    info.set_defaults(call=_info)
    return parser


_EXAMPLES = """examples:
  synthtab info patients.csv --target cost > schema.yaml     what the columns are taken for
  synthtab share patients.csv --target cost --out shared/ --drop-identifiers
  synthtab share visits.csv --target stay --out shared/ --date 'admitted=%d.%m.%Y' --category ward
  synthtab share log.csv --target column_4 --no-header --na-values -999 --out shared/
"""


_SAMPLES = """examples:
  synthtab sample shared/ -n 5000 --where 'age>=65' --where 'age<80' --where ward=D4 --out old.csv
  synthtab sample shared/ --complete some_columns.csv --out whole.csv
  synthtab sample shared/ -n 1000000000 --out rows/ --scheduler tcp://10.0.0.1:8786
"""


def _add_share(commands: Any) -> None:
    make = commands.add_parser(
        "share",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        help="make a synthetic table from your own, with a report card",
        description="Train on a CSV, Parquet or XLSX file, or a folder of Parquet files, and write "
        "release/ with a synthetic table in its format and a card for whoever receives it, and "
        "private/ with the report card and the model, for you alone. Exit status 3, and no "
        "release/, when a privacy rule fails.",
    )
    make.add_argument(
        "table",
        type=Path,
        help="the real table, a file or a folder of Parquet files, at least 250 rows",
    )
    make.add_argument("--out", type=Path, required=True, help="folder to make")
    _add_columns(make)
    make.add_argument("-n", type=int, metavar="ROWS", help="rows to draw; by default as many")
    make.add_argument(
        "--min-count",
        type=int,
        metavar="ROWS",
        help="rows that have to hold a category, a number that stands out or an end of a column, "
        "or it is not learnt; default 5, and 1 with --epsilon",
    )
    make.add_argument(
        "--epsilon",
        type=float,
        help="train with differential privacy of this budget, for example 3; needs --schema with "
        "a declaration: see `synthtab info --private-template`",
    )
    make.add_argument(
        "--no-card",
        action="store_true",
        help="with --epsilon: learn all rows, and judge on none",
    )
    make.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="with --epsilon: adds up what all runs spend; by default budget.jsonl in the table's "
        "folder",
    )
    make.add_argument(
        "--max-epsilon",
        type=float,
        metavar="EPSILON",
        help="with --epsilon: refuse, before anything is spent, what would spend more than this "
        "together with all other runs in the ledger",
    )
    make.add_argument(
        "--seed",
        type=_seed,
        help="seed of everything, for a table that can be made again; by default one of the "
        "operating system, which stays in private/",
    )
    make.add_argument("--steps", type=int, help="training steps; by default by the table's size")
    make.add_argument(
        "--time-budget",
        type=_seconds,
        metavar="TIME",
        help="for training, drawing and judging together: 90s, 10m or 2h",
    )
    make.add_argument(
        "--fits",
        type=int,
        default=1,
        metavar="MODELS",
        help="train so many models, and release only if no draw of any fails; default 1",
    )
    make.add_argument(
        "--shadow-models",
        type=int,
        metavar="MODELS",
        help="train so many models again on halves of the rows, to say on the card how exposed the "
        "most exposed records are; takes as long as so many trainings. By default 16 for up to "
        "5,000 rows, as far as --time-budget leaves time after all else, and 0 without it: the "
        "card then says that it was not measured",
    )
    make.add_argument(
        "--release-anyway",
        action="store_true",
        help="write the table even if a privacy rule fails; the report card says so",
    )
    _add_locale(make)
    make.set_defaults(call=_share)


def _add_locale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--locale",
        metavar="LOCALE",
        help="language and country of made-up names, addresses and numbers: de_DE, tr_TR; default "
        "en_US",
    )


def _add_columns(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", required=True, help="column that others are to predict")
    parser.add_argument(
        "--schema", type=Path, help="YAML file that corrects what the columns are taken for"
    )
    parser.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COLUMN",
        help="leave this column out; may be repeated",
    )
    parser.add_argument(
        "--drop-identifiers", action="store_true", help="leave out all that tells rows apart"
    )
    parser.add_argument(
        "--drop-rows-without-target", action="store_true", help="leave out rows without a target"
    )
    for option in ("number", "category"):
        parser.add_argument(
            f"--{option}",
            action="append",
            default=[],
            metavar="COLUMN",
            help=f"this column is a {option}; may be repeated",
        )
    parser.add_argument(
        "--date",
        action="append",
        default=[],
        metavar="COLUMN[=FORMAT]",
        help="this column is a date, written as in --date 'made=%%d.%%m.%%Y'; may be repeated",
    )
    _add_reading(parser)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first row holds the names of the columns (without: column_1 and so on); "
        "by default it does, and a file is refused where it looks like the other rows",
    )
    parser.add_argument(
        "--na-values",
        action="append",
        default=[],
        metavar="CELL",
        help="cells that stand for a missing value in any column, such as -999 or '?'; may be "
        "repeated, or divided by commas. Empty cells, and NA or NaN among numbers and dates, "
        "always do",
    )
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        help="code page of a CSV file, such as cp1251; by default UTF-8, UTF-16 or cp1254",
    )
    parser.add_argument("--decimal", choices=list(".,"), help="decimal mark of a CSV file")
    parser.add_argument("--thousands", metavar="MARK", help="what separates thousands in it")
    parser.add_argument(
        "--max-rows",
        type=_rows,
        metavar="ROWS",
        help="rows of a Parquet file or folder that are used, drawn at random; by default as many "
        "as make 40 million cells",
    )
    parser.add_argument(
        "--show-values",
        action="store_true",
        help="messages show cells as they are; by default they show what a cell looks like",
    )


# --- what they do ----------------------------------------------------------------------------


def _reading(options: argparse.Namespace) -> dict[str, Any]:
    """What the options say of how a file is read."""
    return {
        "header": options.header,
        "encoding": options.encoding,
        "missing": [cell for cells in options.na_values for cell in cells.split(",") if cell],
        "decimal": options.decimal,
        "thousands": options.thousands,
        "max_rows": options.max_rows,
    }


def _columns(options: argparse.Namespace) -> dict[str, Any]:
    """What the options say of columns."""
    kinds: dict[str, dict[str, str]] = {}
    dates = [date.partition("=") for date in options.date]
    said = [
        *((name, {"kind": "number"}) for name in options.number),
        *((name, {"kind": "category"}) for name in options.category),
        *((n, {"kind": "date"} | ({"format": form} if form else {})) for n, _, form in dates),
    ]
    for name, entry in said:
        if name in kinds:
            raise Refusal(f"column {name!r}: given more than one kind by --number, --category, ...")
        kinds[name] = entry
    return {
        "schema": options.schema,
        "kinds": kinds,
        "drop": options.drop,
        "drop_identifiers": options.drop_identifiers,
        "drop_rows_without_target": options.drop_rows_without_target,
        "reading": _reading(options),
        "random_state": options.seed,
    }


def _share(options: argparse.Namespace) -> int:
    if options.steps is not None and options.steps < 1:
        raise Refusal(f"--steps {options.steps}: give 1 or more")
    done = share(
        options.table,
        target=options.target,
        out=options.out,
        **_columns(options),
        min_count=options.min_count,
        locale=options.locale,
        n_rows=options.n,
        epsilon=options.epsilon,
        n_iter="auto" if options.steps is None else options.steps,
        time_budget=options.time_budget,
        release_anyway=options.release_anyway,
        n_fits=options.fits,
        n_shadows=options.shadow_models,
        card=not options.no_card,
        ledger=options.ledger,
        max_epsilon=options.max_epsilon,
        progress=True,
        write=tell,
    )
    if done.table is not None:
        sys.stdout.write(f"{done.table}\n")
    if options.epsilon is None:  # what follows depends on the rows
        sys.stdout.write(f"{options.out / PRIVATE / 'report_card.html'}\n")
        _tell_verdict(done.assessment)
    return WITHHELD if done.table is None else DONE


def _tell_verdict(assessment: Assessment | None) -> None:
    """What is decided, as the last line, after the reasons for it."""
    if assessment is not None:
        judged = assessment.privacy
        for reason in () if judged is None else judged.reasons:
            tell(f"  {reason}\n")
        if judged is not None and judged.may_release:
            tell(f"  would have been found, four times in five: {judged.could_find}\n")
        for way in assessment.ways:
            tell(f"  {way}\n")
        sys.stdout.flush()
        tell(f"{assessment.verdict}\n")


def _sample(options: argparse.Namespace) -> int:
    if options.n is None and options.complete is None:
        raise Refusal("say how many rows to draw, -n ROWS, or which to complete, --complete FILE")
    if options.n is not None and options.n < 1:
        raise Refusal(f"-n {options.n}: draw at least one row")
    of = "" if options.n is None else f" of {options.n:,}"
    try:
        sample_to_file(
            options.model,
            options.n,
            options.out,
            where=options.where,
            complete=options.complete,
            random_state=options.seed,
            told=lambda n: tell(f"\r{n:,}{of} rows"),
            release_anyway=options.release_anyway,
            scheduler=options.scheduler,
        )
    except ValueError as error:  # a condition that the model cannot meet
        raise Refusal(f"{options.model}: {error}") from error
    tell("\n")
    sys.stdout.write(f"{options.out}\n")
    return DONE


def _evaluate(options: argparse.Namespace) -> int:
    if options.out is not None:
        refuse_taken(options.out)
        card_template()  # what it needs may be missing, which is to be told before the work
    found = evaluate(
        options.real,
        options.synthetic,
        target=options.target,
        unseen=options.unseen,
        **_columns(options),
    )
    sys.stdout.write(neutral(_summary(found)))
    if options.out is not None:
        write_evaluation(found, options.out)
        sys.stdout.write(f"{options.out / 'report_card.html'}\n")
    _tell_verdict(found)
    return WITHHELD if found.privacy is not None and not found.privacy.may_release else DONE


def _info(options: argparse.Namespace) -> int:
    if options.table is None:
        sys.stdout.write(_versions())
        return DONE
    source = read_source(options.table, **_reading(options))
    if options.target is None:
        raise Refusal(
            f"name the target: --target COLUMN; columns are {[str(c) for c in source.cells]}"
        )
    plan = infer_plan(source, options.target)
    if options.private_template:
        sys.stdout.write(declaration_text(plan))
        return DONE
    plan = replace(plan, locale=options.locale or plan.locale)
    if plan.learnt:
        found = with_relations(replace(plan, target=plan.learnt[0].name), typed(source, plan))
        plan = replace(plan, relations=found.relations)
    sys.stdout.write(plan_text(plan.proposed()))
    return DONE


def _seed(text: str) -> int:
    if not re.fullmatch(r"\d+", text) or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number from 0 to {2**32 - 1}")
    return int(text)


def _rows(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"{text!r}: give a number of rows")
    return int(text)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as 90s, 10m or 2h")
    return float(found[1]) * _UNITS[found[2]]


def _summary(assessment: Assessment) -> str:
    """An assessment in some lines of text."""
    rows = assessment.utility
    metric = METRICS[str(rows.metric.iloc[0])]
    lines = [f"trained on real and on synthetic rows, {metric} on real ones:"]
    for learner in rows.learner.unique():
        of = rows[rows.learner == learner].set_index("table")
        real, made = of.loc[REAL], of.loc[SYNTHETIC]
        lines.append(
            f"  {LEARNERS[learner]:20} {real.value:6.3f} {made.value:6.3f}   "
            f"{made.percent:.0f} % ({made.percent_low:.0f} to {made.percent_high:.0f} %)"
        )
    detection = assessment.fidelity.query("metric == 'c2st'").value.item()
    lines.append(f"told apart from real rows with AUC {detection:.2f} (ideal 0.50)")
    if assessment.privacy is not None:
        for key, row in assessment.privacy.rows.items():
            value, low, high = row.estimate
            seen = "detected" if row.detected else ""
            lines.append(
                f"  {ROWS[key]:36} {value:.3f} ({low:.3f} to {high:.3f})  {seen:8}  {row.verdict}"
            )
    lines += [f"note: {note}" for note in assessment.notes]
    return "\n".join(lines) + "\n"


def _versions() -> str:
    """Versions of this package and of those it stands on, and the devices that train."""
    lines = [f"{name} {version}" for name, version in versions().items()]
    lines.append(f"python {platform.python_version()} on {platform.platform()}")
    cuda = torch.cuda.is_available()
    lines.append(f"trains on {torch.cuda.get_device_name() if cuda else 'the processor'}")
    return "\n".join(lines) + "\n"
