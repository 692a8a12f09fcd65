"""`synthtab share`, `sample`, `evaluate` and `info`: tables of one's own."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthtab.cli.status import DONE, WITHHELD, Refusal, tell

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def add_commands(commands: Any) -> None:
    """Add the four commands to the parser."""
    _add_share(commands)
    sample = commands.add_parser(
        "sample",
        help="draw more rows from a model that share has made",
        description="Draw rows from a model of `synthtab share` into a new file. They are drawn "
        "and written block by block: their number is not bounded by memory. Rows beyond those that "
        "the report card judged tell an attacker more.",
    )
    sample.add_argument("model", type=Path, help="folder private/model that share has made")
    sample.add_argument("-n", type=int, required=True, metavar="ROWS", help="rows to draw")
    sample.add_argument("--out", type=Path, required=True, help="new .csv, .parquet or .xlsx file")
    sample.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="draw rows with this value only; may be repeated",
    )
    sample.add_argument("--seed", type=int, help="seed of the draw; by default another every time")
    sample.set_defaults(call=_guarded(_sample), extra="share")
    evaluate = commands.add_parser(
        "evaluate",
        help="judge anybody's synthetic table",
        description="Judge a synthetic table, from any tool, beside the real one.",
    )
    evaluate.add_argument("real", type=Path, help="the real table")
    evaluate.add_argument("synthetic", type=Path, help="the synthetic one")
    evaluate.add_argument(
        "--unseen",
        type=Path,
        metavar="FILE",
        help="real rows that the synthetic table was not made from; without them there is no "
        "verdict on privacy",
    )
    evaluate.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write report_card.html and record.json there"
    )
    _add_columns(evaluate)
    evaluate.set_defaults(call=_guarded(_evaluate), extra="share")
    info = commands.add_parser(
        "info",
        help="versions and devices; with a file, what its columns are taken for",
        description="Print versions and devices. With a file and its target, print what its "
        "columns are taken for, as the YAML that --schema reads: "
        "`synthtab info patients.csv --target cost > schema.yaml`.",
    )
    info.add_argument("table", type=Path, nargs="?", help="a CSV, Parquet or XLSX file")
    info.add_argument("--target", help="column that others are to predict")
    info.set_defaults(call=_guarded(_info), extra="share")


def _add_share(commands: Any) -> None:
    share = commands.add_parser(
        "share",
        help="make a synthetic table from your own, with a report card",
        description="Train on a CSV, Parquet or XLSX file and write a synthetic table in its "
        "format, a report card, and the model. Exit status 3, and no table, when a privacy rule "
        "fails.",
    )
    share.add_argument("table", type=Path, help="the real table, at least 250 rows")
    share.add_argument("--out", type=Path, required=True, help="folder to make")
    _add_columns(share)
    share.add_argument("-n", type=int, metavar="ROWS", help="rows to draw; by default as many")
    share.add_argument(
        "--min-count",
        type=int,
        default=1,
        metavar="ROWS",
        help="category values in fewer rows never appear",
    )
    share.add_argument(
        "--epsilon",
        type=float,
        help="train with differential privacy of this budget, for example 3; needs --schema with "
        "public bounds",
    )
    share.add_argument("--steps", type=int, help="training steps; by default by the table's size")
    share.add_argument(
        "--time-budget", type=_seconds, metavar="TIME", help="for training: 90s, 10m or 2h"
    )
    share.add_argument(
        "--release-anyway",
        action="store_true",
        help="write the table even if a privacy rule fails; the report card says so",
    )
    share.set_defaults(call=_guarded(_share), extra="share")


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
    parser.add_argument("--seed", type=int, default=0, help="seed of everything; default 0")


def _guarded(call: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Turn a bad table or wish into a refusal."""

    def guarded(options: argparse.Namespace) -> int:
        from synthtab.sharing.source import TableError

        try:
            return call(options)
        except TableError as error:
            raise Refusal(str(error)) from error

    return guarded


def _share(options: argparse.Namespace) -> int:
    from synthtab.sharing.share import share

    if options.steps is not None and options.steps < 1:
        raise Refusal(f"--steps {options.steps}: give 1 or more")
    done = share(
        options.table,
        target=options.target,
        out=options.out,
        schema=options.schema,
        drop=options.drop,
        min_count=options.min_count,
        n_rows=options.n,
        epsilon=options.epsilon,
        n_iter="auto" if options.steps is None else options.steps,
        time_budget=options.time_budget,
        release_anyway=options.release_anyway,
        random_state=options.seed,
        progress=True,
        write=tell,
    )
    if done.table is not None:
        sys.stdout.write(f"{done.table}\n")
    sys.stdout.write(f"{done.folder / 'report_card.html'}\n")
    judged = done.assessment.privacy
    if judged is None or judged.may_release:
        return DONE
    reasons = [*judged.failed, *judged.void]
    if done.table is not None:
        tell(f"released against the rules, as asked: {', '.join(reasons)}\n")
        return DONE
    tell(
        f"kept back: {', '.join(reasons)}. The report card says more; --release-anyway overrides\n"
    )
    return WITHHELD


def _sample(options: argparse.Namespace) -> int:
    from synthtab.sharing.bundle import sample_to_file

    where = {}
    for condition in options.where:
        name, equals, value = condition.partition("=")
        if not equals or not name:
            raise Refusal(f"--where {condition!r}: write it as COLUMN=VALUE")
        if name in where:
            raise Refusal(f"--where {name}: given more than once")
        where[name] = value
    if options.n < 1:
        raise Refusal(f"-n {options.n}: draw at least one row")
    try:
        sample_to_file(
            options.model,
            options.n,
            options.out,
            where=where,
            random_state=options.seed,
            told=lambda n: tell(f"\r{n:,} of {options.n:,} rows"),
        )
    except ValueError as error:  # a condition that the model cannot meet
        raise Refusal(f"{options.model}: {error}") from error
    tell("\n")
    sys.stdout.write(f"{options.out}\n")
    return DONE


def _evaluate(options: argparse.Namespace) -> int:
    from synthtab.sharing.card_page import card_template
    from synthtab.sharing.evaluate import evaluate, write_evaluation
    from synthtab.sharing.text import summary

    if options.out is not None and options.out.exists():
        raise Refusal(f"{options.out} exists and is not overwritten; choose another --out")
    if options.out is not None:
        card_template()  # what it needs may be missing, which is to be told before the work
    found = evaluate(
        options.real,
        options.synthetic,
        target=options.target,
        unseen=options.unseen,
        schema=options.schema,
        drop=options.drop,
        random_state=options.seed,
    )
    sys.stdout.write(summary(found))
    if options.out is not None:
        write_evaluation(found, options.out)
        sys.stdout.write(f"{options.out / 'report_card.html'}\n")
    return DONE


def _info(options: argparse.Namespace) -> int:
    from synthtab.sharing.columns import infer_plan, plan_text
    from synthtab.sharing.source import read_source
    from synthtab.sharing.text import versions

    if options.table is None:
        sys.stdout.write(versions())
        return DONE
    source = read_source(options.table)
    if options.target is None:
        raise Refusal(
            f"name the target: --target COLUMN; columns are {[str(c) for c in source.cells]}"
        )
    sys.stdout.write(plan_text(infer_plan(source, options.target)))
    return DONE


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as 90s, 10m or 2h")
    return float(found[1]) * _UNITS[found[2]]
