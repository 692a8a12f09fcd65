"""Share your own table: from a sensitive file to a synthetic one, with a report card.

`source` reads a table as its owner wrote it; `columns` says what each column is; `form` turns it
into learnable rows and synthetic rows back; `writer` writes them; `assessment` and `likeness` judge
them; `card_page` and `pictures` show the judgement; `bundle` keeps the model and draws from it,
under `conditions`; `share` does all of it, and `evaluate` judges a table of another tool.
"""

from synthtab.sharing.assessment import Assessment, hold_out, judge_privacy
from synthtab.sharing.bundle import load_bundle, sample_to_file, save_bundle
from synthtab.sharing.columns import Column, TablePlan, infer_plan
from synthtab.sharing.evaluate import evaluate
from synthtab.sharing.form import TableForm, learner_rows
from synthtab.sharing.share import Shared, share
from synthtab.sharing.source import Source, TableError, read_source
from synthtab.sharing.writer import row_writer

__all__ = [
    "Assessment",
    "Column",
    "Shared",
    "Source",
    "TableError",
    "TableForm",
    "TablePlan",
    "evaluate",
    "hold_out",
    "infer_plan",
    "judge_privacy",
    "learner_rows",
    "load_bundle",
    "read_source",
    "row_writer",
    "sample_to_file",
    "save_bundle",
    "share",
]
