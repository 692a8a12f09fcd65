"""Formulas are drawn by one file that lies beside the pages: no network, also from ``file://``.

`_config.yml` names it as `mathjax_path`. It has MathJax with all its fonts as SVG, and is taken out
of the package sphinx-mathjax-offline. That package is not loaded as an extension: it would replace
the path by one of its own, and copy ten times as much.
"""

from __future__ import annotations

import shutil
from importlib import util
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PACKAGE = "sphinx-mathjax-offline"  # the name of its module as well, hyphens and all


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Put the file that draws formulas where the pages look for it.

    Raises
    ------
    ExtensionError
        If the package is missing, or has no such file.
    """
    if error is not None or app.builder.format != "html":
        return
    name = app.config.mathjax_path
    package = util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise ExtensionError(f"{PACKAGE} is missing: pip install -r requirements.txt")
    source = Path(package.origin).parent / "static" / name
    if not source.is_file():
        raise ExtensionError(f"{PACKAGE} has no file {name}: see mathjax_path in _config.yml")
    target = Path(app.outdir) / "_static" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Copy the file when the pages are written."""
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
