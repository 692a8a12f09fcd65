"""Headless Chromium, driven by its own protocol over two pipes: no driver and no package needed.

The tools of this folder open the built report in it: to check its accessibility, to look at it at
the width of a phone and in the dark, to print it.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class BrowserError(RuntimeError):
    """The browser is missing, ended, or refused a command; the message says which."""


def find() -> str | None:
    """The path of a Chromium: that of the variable `CHROMIUM`, or the first on the search path.

    Returns
    -------
    str or None
        None where there is none.
    """
    names = (os.environ.get("CHROMIUM") or "", *NAMES)
    return next((path for name in names if name and (path := shutil.which(name))), None)


class Browser:
    """One browser with one page, as a context manager.

    Parameters
    ----------
    width, height : int
        Size of the page in CSS pixels.
    patience : float, default=300
        Seconds without a word from the browser after which it is given up.

    Raises
    ------
    BrowserError
        If there is no Chromium.

    Examples
    --------
    >>> with Browser(width=390, height=844) as page:  # doctest: +SKIP
    ...     page.open(Path("_build/html/book/index.html").resolve().as_uri())
    ...     page.evaluate("document.title")
    """

    def __init__(self, *, width: int = 1280, height: int = 800, patience: float = 300) -> None:
        self.patience = patience
        self.width = width
        self.height = height

    def __enter__(self) -> Self:
        path = find()
        if path is None:
            raise BrowserError(f"no Chromium: install one of {', '.join(NAMES)}, or set CHROMIUM")
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        # Chromium reads commands from descriptor 3 and answers on 4.
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        for descriptor in (to_read, to_write):
            os.set_inheritable(descriptor, True)
        self._process = subprocess.Popen(
            [
                "bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "browser", path,
                "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--hide-scrollbars", "--allow-file-access-from-files", "--remote-debugging-pipe",
                f"--user-data-dir={self._profile.name}",
            ],
            close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._received = b""
        self._happened: set[str] = set()
        self._last = 0
        self._session: str | None = None
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        attached = self._send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._send("Page.enable")
        self.look(self.width, self.height)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def look(
        self,
        width: int,
        height: int,
        *,
        scheme: Literal["light", "dark"] = "light",
        medium: Literal["screen", "print"] = "screen",
        scale: float = 1,
    ) -> None:
        """Set the size of the page, what its reader prefers, and what it is shown on."""
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=width < 600,
        )  # fmt: skip
        self._send(
            "Emulation.setEmulatedMedia",
            media=medium,
            features=[
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},  # else colours are midway
            ],
        )

    def open(self, address: str) -> None:
        """Go to an address and wait until the page and its scripts are loaded."""
        self._happened.clear()
        error = self._send("Page.navigate", url=address).get("errorText")
        if error:
            raise BrowserError(f"{address}: {error}")
        self._await("Page.loadEventFired")
        # Two frames later the scripts that wait for the page have run.
        self.evaluate(
            "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(0))))"
        )

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for.

        Raises
        ------
        BrowserError
            If the script throws.
        """
        answer = self._send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"{answer['exceptionDetails']}")
        return answer["result"].get("value")

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        answer = self._send("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self, path: Path, **options: Any) -> None:
        """Print the page; options as in the protocol's `Page.printToPDF`."""
        answer = self._send(
            "Page.printToPDF", preferCSSPageSize=True, printBackground=True, **options
        )
        path.write_bytes(base64.b64decode(answer["data"]))

    def _send(self, method: str, **arguments: Any) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": arguments}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _await(self, event: str) -> None:
        while event not in self._happened:
            self._read()

    def _read(self) -> Mapping[str, Any]:
        while b"\0" not in self._received:
            if not select.select([self._from], [], [], self.patience)[0]:
                raise BrowserError(f"the browser has not answered for {self.patience:.0f} seconds")
            data = os.read(self._from, 1 << 20)
            if not data:
                raise BrowserError("the browser ended")
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        answer: Mapping[str, Any] = json.loads(message)
        self._happened.add(answer.get("method", ""))  # an event may come before an answer
        return answer
