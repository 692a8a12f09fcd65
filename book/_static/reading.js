/* A box that scrolls can be reached with the Tab key and scrolled with the arrow keys. */
(() => {
  const boxes =
    ".bd-article pre, .bd-article figure, .bd-article .pst-scrollable-table-container, " +
    ".bd-article .cell_output, .bd-article .cell_output .output, .bd-article .table-wrapper, " +
    ".bd-article div.math, .bd-article mjx-container";

  const mark = () => {
    for (const box of document.querySelectorAll(boxes)) {
      // A short formula is overhung, unseen, by its text for screen readers: that is no scrolling.
      const scrolls = ["auto", "scroll"].includes(getComputedStyle(box).overflowX);
      if (scrolls && box.scrollWidth > box.clientWidth + 1) {
        box.tabIndex = 0;
      } else if (box.tabIndex === 0) {
        box.removeAttribute("tabindex");
      }
    }
  };

  // docutils calls a bibliography a list, and its entries by a role that no list may hold.
  for (const entry of document.querySelectorAll(".citation-list > .citation")) {
    entry.setAttribute("role", "listitem");
  }

  // The theme's toggles beside the names of pages have a picture and no name.
  for (const toggle of document.querySelectorAll("details > summary")) {
    if (toggle.textContent.trim() === "" && !toggle.ariaLabel) {
      const page = toggle.closest("li")?.querySelector("a")?.textContent.trim();
      toggle.setAttribute("aria-label", page ? `Pages of: ${page}` : "More pages");
    }
  }

  // A link to a cell's code opens it.
  const unfold = () => {
    const cell = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const folded = cell && cell.classList.contains("cell") && cell.querySelector("details.hide");
    if (folded) folded.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();

  // What moves for longer than a moment can be stopped: the picture has a still form.
  for (const moving of document.querySelectorAll('img[alt^="Animation"]')) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) continue;
    const source = moving.src;
    const button = document.createElement("button");
    button.className = "still-button";
    button.textContent = "Stop the animation";
    button.addEventListener("click", () => {
      const stopped = moving.src !== source;
      moving.src = stopped ? source : `${source}#still`;
      button.textContent = stopped ? "Stop the animation" : "Start the animation";
    });
    moving.after(button);
  }

  addEventListener("load", async () => {
    await (window.MathJax?.startup?.promise ?? null); // formulas get their width when drawn
    mark();
  });
  addEventListener("resize", mark);
  document.addEventListener("toggle", mark, true);
})();
