"""`python -m seds500 run` and `experiments`: the notebooks of the report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthtab.cli import DONE, FAILED, Refusal, tell


def add_commands(commands: Any) -> None:
    """Add the two commands to the parser."""
    run = commands.add_parser(
        "run",
        help="run a notebook with parameters of your own, into a new folder of runs/",
        description="Run a notebook of the report with parameters of your own, or a sweep of runs.",
        epilog=_names(),
    )
    run.add_argument("name", help="what to run, for example 013 or 013_public")
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
    run.add_argument(
        "--sweep",
        nargs="+",
        default=[],
        metavar="NAME=VALUES",
        help="run every combination: seed=1..20 n_synthetic=500,2000. Finished runs are kept and "
        "not made again",
    )
    run.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="with --sweep, a Dask scheduler such as tcp://10.0.0.1:8786 whose workers run it",
    )
    run.set_defaults(call=_guarded(_run), extra="report")
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
    experiments.set_defaults(call=_guarded(_experiments), extra="report")


def _names() -> str:
    """What can be run here."""
    try:
        from seds500.runner.project import Project, UsageError
    except ImportError:  # the report's packages are missing; the command says so when it is called
        return ""
    try:
        names = Project.find(Path.cwd()).names()
    except UsageError:
        return ""
    return f"Names: {', '.join(names)}. A number alone is the experiment on its stand-in."


def _guarded(call: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Turn the runner's errors into exit statuses."""

    def guarded(options: argparse.Namespace) -> int:
        from seds500.records import provenance
        from seds500.runner import notebooks
        from seds500.runner.project import UsageError

        try:
            return call(options)
        except (UsageError, provenance.UncleanError) as error:
            raise Refusal(str(error)) from error
        except notebooks.ExecutionError as error:
            tell(f"\n{error}\n")
            return FAILED

    return guarded


def _run(options: argparse.Namespace) -> int:
    from seds500.runner import notebooks
    from seds500.runner.parameters import describe
    from seds500.runner.project import Project

    project = Project.find(Path.cwd())
    if options.help_parameters:
        known = project.parameters(project.find_experiment(options.name))
        sys.stdout.write(describe(known) + "\n")
        return DONE
    names = [name for name, _ in options.parameters]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Refusal(f"given more than once: {', '.join(twice)}")
    if options.sweep:
        return _sweep(project, options)
    if options.scheduler:
        raise Refusal("--scheduler is for --sweep; one run happens here")
    folder = notebooks.run(
        project, options.name, dict(options.parameters), write=tell, out=options.out
    )
    sys.stdout.write(f"{folder / 'notebook.ipynb'}\n{folder / 'record.json'}\n")
    return DONE


def _sweep(project: Any, options: argparse.Namespace) -> int:
    from seds500.runner import sweeps

    found = sweeps.sweep(
        project,
        options.name,
        sweeps.combinations(options.sweep, dict(options.parameters)),
        scheduler=options.scheduler,
        out=options.out,
        write=tell,
    )
    for run in found:
        sys.stdout.write(f"{run.record if run.error is None else run.error}\n")
    return DONE if all(run.error is None for run in found) else FAILED


def _experiments(options: argparse.Namespace) -> int:
    from seds500.runner import notebooks
    from seds500.runner.project import Project

    differences = notebooks.run_experiments(
        Project.find(Path.cwd()),
        options.ids,
        write=tell,
        compare=options.compare,
        rel_tol=options.rel_tol,
    )
    if differences:
        sys.stdout.write("\n".join(differences) + "\n")
        return FAILED
    if options.compare:
        sys.stdout.write("the records agree with the committed ones\n")
    return DONE
