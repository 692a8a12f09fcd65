"""The directive `results-table`: a table of `seds500.pages.results_tables` in a page.

```{results-table} scores
:experiment: "013"
:methods: real, hybrid
:name: scores-013
```

A table has a number and a caption: its own from `CAPTIONS`, or the option `caption`. The option
`name` makes it a target of `numref`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

from generated import Generated, pipe_table
from seds500.pages import results_tables
from seds500.records.committed import Records, title

CAPTIONS: Mapping[str, str] = {
    "scores": "R² on real test rows, experiment {experiment}: reported by the study, and measured "
    "on the stand-in and on the public table, with intervals. Compare within a column.",
    "advantages": "R² of HybridDiffusion minus that of each rival, alone, paired by split. Above "
    "zero HybridDiffusion is ahead.",
    "kept": "R² kept with each method's rows alone, in percent of that of real rows, with "
    "intervals.",
    "copies": "Share of rows that equal a training row, and in brackets a test row, which no "
    "method has seen. Look for rows of the table where the first exceeds the second.",
    "times": "CPU seconds to fit and to draw, on one thread.",
    "literature": "Published figures. {source}: {condition}.",
    "quality": "HybridDiffusion beside its ceiling and its published relative: R² kept, detection "
    "and time.",
    "fresh": "Samples of the simulators that no choice has seen. R² kept, in percent, on "
    "10,000 test rows.",
    "training_steps": "What more training is worth to TabDDPM.",
    "diamonds": "A larger table: all rows of the public table of diamonds.",
    "ablation": "One part of HybridDiffusion changed at a time, on {title}. “As it is” is "
    "the model with nothing changed.",
    "growth": "CPU time and memory as rows and columns grow.",
}
"""By the name of the table; what stands in braces depends on its options."""


def caption(name: str, records: Records, options: Mapping[str, Any]) -> str:
    """The caption of a table."""
    known = dict(options)
    if name == "literature":
        entry = records.value(f"published.related_work.{options['table']}")
        known |= {"source": entry["source"], "condition": entry["condition"]}
    if name == "ablation":
        known["title"] = title(options["table"])
    return CAPTIONS[name].format(**known)


class ResultsTable(Generated):
    """The directive."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "experiment": directives.unchanged_required,
        "methods": directives.unchanged_required,
        "table": directives.unchanged_required,
        "caption": directives.unchanged_required,
        "name": directives.unchanged_required,
    }

    def write(self, records: Records) -> list[nodes.Node]:
        options: dict[str, Any] = dict(self.options)
        given, target = options.pop("caption", None), options.pop("name", None)
        if "methods" in options:
            options["methods"] = [name.strip() for name in options["methods"].split(",")]
        name = self.arguments[0]
        table = results_tables.make(name, records, **options)
        rows = [[str(label), *map(str, cells)] for label, *cells in table.itertuples()]
        made = self.parse(pipe_table([table.index.name or "", *table.columns], rows))
        words = given or caption(name, records, options)
        for node in made:
            if isinstance(node, nodes.table):
                node.insert(0, nodes.title(words, words))
                if target is None:
                    node["ids"].append(f"results-table-{self.env.new_serialno('results-table')}")
                else:
                    node["names"].append(nodes.fully_normalize_name(target))
                    self.state.document.note_explicit_target(node, node)
        return made


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("results-table", ResultsTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
