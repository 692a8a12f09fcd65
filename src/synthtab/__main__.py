"""The command line: `python -m synthtab run` and `python -m synthtab experiments`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from synthtab.runner import Project

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: done. 1: a notebook failed, or a compared record differs. 2: wrong use, nothing was run.
    130: interrupted, nothing was kept of the run in progress.
    """
    options = _parser().parse_args(arguments)
    # Sums split over threads are added in an order that depends on the machine.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    try:
        # Here and not at the top, for a library installed without the report's packages.
        from synthtab import runner
    except ModuleNotFoundError as error:
        return _refuse(f"{error.name} is missing: install `synthtab[report]` to run notebooks")
    signal.signal(signal.SIGTERM, _terminate)
    try:
        project = runner.Project.find(Path.cwd())
        if options.command == "run":
            return _run(project, options)
        return _experiments(project, options)
    except runner.UsageError as error:
        return _refuse(str(error))
    except runner.ExecutionError as error:
        sys.stderr.write(f"\n{error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: nothing was kept of the run in progress\n")
        return INTERRUPTED


def _run(project: Project, options: argparse.Namespace) -> int:
    from synthtab import runner
    from synthtab.parameters import describe

    if options.help_parameters:
        sys.stdout.write(describe(runner.known_parameters(project, options.notebook)) + "\n")
        return DONE
    names = [name for name, _ in options.parameters]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return _refuse(f"given more than once: {', '.join(twice)}")
    folder = runner.run(
        project,
        options.notebook,
        dict(options.parameters),
        write=_progress,
        out=options.out,
    )
    sys.stdout.write(f"{folder / 'notebook.ipynb'}\n{folder / 'record.json'}\n")
    return DONE


def _experiments(project: Project, options: argparse.Namespace) -> int:
    from synthtab import runner

    differences = runner.run_experiments(
        project,
        options.ids,
        write=_progress,
        compare=options.compare,
        rel_tol=options.rel_tol,
    )
    if differences:
        sys.stdout.write("\n".join(differences) + "\n")
        return FAILED
    if options.compare:
        sys.stdout.write("the records agree with the committed ones\n")
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synthtab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run", help="run a notebook with parameters of your own, into a new folder of runs/"
    )
    run.add_argument("notebook", help="a source in notebooks/, for example 013")
    run.add_argument(
        "-p",
        dest="parameters",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set a parameter; may be repeated",
    )
    run.add_argument("--out", type=Path, help="make the run's folder here instead of in runs/")
    run.add_argument(
        "--help-parameters", action="store_true", help="list the notebook's parameters and stop"
    )
    experiments = commands.add_parser(
        "experiments", help="re-run entries of experiments.yml and replace their pages and records"
    )
    experiments.add_argument("ids", nargs="*", help="ids of experiments.yml; all if none is named")
    experiments.add_argument(
        "--compare",
        action="store_true",
        help="replace nothing; exit 1 if a record differs from the committed one",
    )
    experiments.add_argument(
        "--rel-tol",
        type=float,
        default=0.0,
        metavar="T",
        help="with --compare, the relative difference that still counts as equal, for example "
        "1e-9 on another kind of machine; by default none",
    )
    return parser


def _progress(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _refuse(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return WRONG_USE


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    # As Ctrl-C: the folder of the unfinished run is removed on the way out.
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
