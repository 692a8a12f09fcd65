"""The directive `results-table`: a table of `seds500.pages`, made from records, in a page.

```{results-table} scores
:experiment: "013"
:methods: real, hybrid
:name: scores-013
```

A table has a number and a caption, from the section `records` of `book/captions.yml`; what stands
in braces there depends on the options. The option `name` makes it a target of `numref`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

import origin
from records import RecordsDirective
from seds500.pages import (
    benchmark,
    front,
    literature,
    privacy_benchmarks,
    provenance,
    results,
    sharing_benchmarks,
)
from seds500.records import SOURCES, Records, pipe_table, title

TABLES = {
    **results.TABLES,
    "reproduced": front.reproduced,
    "run": front.run_table,
    **provenance.TABLES,
    **{
        name: getattr(benchmark, name)
        for name in (
            "targets", "quality", "ablation", "diamonds", "fresh", "dev",
            "training_steps", "growth",
        )
    },
    **{
        name: getattr(privacy_benchmarks, name)
        for name in (
            "exposure", "power", "false_alarms", "guarantee", "guarantee_aims", "share_audit",
        )
    },
    **{
        name: getattr(literature, name)
        for name in ("field", "field_means", "field_budgets", "rivals", "side_by_side")
    },
    "shared_public": sharing_benchmarks.shared_public,
    "shared_cases": sharing_benchmarks.shared_cases,
}  # fmt: skip
"""By the name that a page asks for them with."""


TITLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "run": lambda options: title(options["run"]),
    "ablation": lambda options: title(options["table"]),
    "side_by_side": lambda options: f"{SOURCES[options['table']].capitalize()}s",
    "exposure": lambda options: privacy_benchmarks.DEVELOPMENT[options["table"]],
}
"""What a caption calls that which a table is about, by the table's name, from its options."""


class ResultsTable(RecordsDirective):
    """The directive."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "run": directives.unchanged_required,
        "methods": directives.unchanged_required,
        "table": directives.unchanged_required,
        "name": directives.unchanged_required,
    }

    def write(self, records: Records) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in TABLES:
            raise ValueError(f"unknown table {name}; known are {', '.join(TABLES)}")
        options = {key: value for key, value in self.options.items() if key != "name"}
        if "methods" in options:
            options["methods"] = [method.strip() for method in options["methods"].split(",")]
        table = TABLES[name](records, **options)
        rows = [[str(label), *map(str, cells)] for label, *cells in table.itertuples()]
        (made,) = self.parse(pipe_table([table.index.name or "", *table.columns], rows))
        words = self.caption(name, records, options)
        made.insert(0, nodes.title(words, words))
        if "name" not in self.options:
            made["ids"].append(f"results-table-{self.env.new_serialno('results-table')}")
        self.add_name(made)
        code = origin.to_function(self.env, origin.full_name(TABLES[name]))
        return [made, origin.line(self.env, records.used, code)]

    def caption(self, name: str, records: Records, options: dict[str, Any]) -> str:
        """The caption, with what it says of the options."""
        known = dict(options)
        if name == "literature":
            known |= records.value(f"published.related_work.{options['table']}")
        if name in TITLES:
            known["title"] = TITLES[name](options)
        path = self.env.srcdir / "book" / "captions.yml"
        self.env.note_dependency(str(path))
        captions = yaml.safe_load(path.read_text(encoding="utf-8"))["records"]
        return captions[name].format(**known)


SENTENCES = {
    of.__name__: of
    for of in (
        literature.budgets_reading,
        literature.field_leaders,
        literature.field_rivals,
        literature.published_better,
        literature.rivals_run,
        privacy_benchmarks.rarely_found,
        results.splits_reading,
    )
}
"""Sentences that follow from records, by the name that a page asks for them with."""


class Sentences(RecordsDirective):
    """The directive `sentences`: what records say, by the name of the function that says it."""

    required_arguments = 1

    def write(self, records: Records) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in SENTENCES:
            raise ValueError(f"unknown sentences {name}; known are {', '.join(SENTENCES)}")
        return self.parse(SENTENCES[name](records))


class RunSentences(RecordsDirective):
    """The directive `run-sentences`: what a run found, in sentences that follow from its record."""

    required_arguments = 1

    def write(self, records: Records) -> list[nodes.Node]:
        return self.parse(front.run_sentences(records, self.arguments[0]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("results-table", ResultsTable)
    app.add_directive("run-sentences", RunSentences)
    app.add_directive("sentences", Sentences)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
