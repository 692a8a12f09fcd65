"""The directive `results-table`: a table of `synthtab.results_tables` in a page.

```{results-table} scores
:experiment: "013"
:methods: real, hybrid
```
"""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

from generated import Generated, pipe_table
from synthtab import results_tables
from synthtab.committed import Records


class ResultsTable(Generated):
    """The directive."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "experiment": directives.unchanged_required,
        "methods": directives.unchanged_required,
        "table": directives.unchanged_required,
    }

    def write(self, records: Records) -> list[nodes.Node]:
        options: dict[str, Any] = dict(self.options)
        if "methods" in options:
            options["methods"] = [name.strip() for name in options["methods"].split(",")]
        table = results_tables.make(self.arguments[0], records, **options)
        rows = [[str(label), *map(str, cells)] for label, *cells in table.itertuples()]
        return self.parse(pipe_table([table.index.name or "", *table.columns], rows))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("results-table", ResultsTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
