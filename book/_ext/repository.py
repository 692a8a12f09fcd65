"""Buttons that need the repository's address: source, issues, Binder and Colab.

The address is given once, by the environment variable `REPOSITORY_URL` (as in
`REPOSITORY_URL=https://github.com/owner/name make book`); the workflow that publishes the report
sets it to the repository that it runs in. Without it these buttons are not there, and all else is.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

VARIABLE = "REPOSITORY_URL"


def options(address: str, branch: str) -> dict[str, Any]:
    """The theme's options for a repository.

    Raises
    ------
    ExtensionError
        If the address is not that of a repository on a host, `https://host/owner/name`.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" or len(parts.path.strip("/").split("/")) != 2:
        raise ExtensionError(f"{VARIABLE} is {address!r}; give it as https://github.com/owner/name")
    launch = {
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
        "notebook_interface": "jupyterlab",
    }
    return {
        "repository_url": address.rstrip("/"),
        "repository_branch": branch,
        "path_to_docs": "",
        "use_repository_button": True,
        "use_issues_button": True,
        "launch_buttons": launch if parts.netloc == "github.com" else {},
    }


def configure(app: Sphinx, config: Config) -> None:
    """Tell the theme the address, where there is one."""
    address = os.environ.get(VARIABLE, "")
    if address:
        branch = os.environ.get("REPOSITORY_BRANCH", "main")
        config.html_theme_options = {**config.html_theme_options, **options(address, branch)}


def setup(app: Sphinx) -> dict[str, Any]:
    """Configure before the theme reads its options."""
    app.connect("config-inited", configure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
