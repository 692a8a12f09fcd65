/* The figure that the reader changes: draws the choice with Vega, and fills the table beside it. */
(() => {
  const { scores, specification } = JSON.parse(document.getElementById("explore-data").textContent);
  const form = document.querySelector(".explore-choices");
  const figure = document.querySelector(".explore-figure");
  const body = document.querySelector(".explore-table tbody");
  const names = ["experiment", "source", "setting", "learner", "method", "mean", "low", "high", "percent"];
  const all = scores.map((one) => Object.fromEntries(one.map((value, i) => [names[i], value])));
  const number = (value) => value.toFixed(2).replace("-", "−");
  const drawn = document.createElement("div");

  const cell = (tag, text) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (tag === "th") made.scope = "row";
    return made;
  };

  const show = async () => {
    const choice = new FormData(form);
    const values = all.filter((one) => [...choice].every(([key, value]) => one[key] === value));
    const spec = structuredClone(specification);
    spec.data.values = values;
    const order = values.map((one) => one.method);
    const { domain, range } = specification.encoding.color.scale;
    spec.encoding.y.sort = order;
    // On a narrow screen the names get less room than the values.
    const narrow = figure.clientWidth < 500;
    spec.encoding.y.axis.labelLimit = narrow ? 150 : 240;
    spec.config.axis.labelFontSize = narrow ? 11 : 13;
    spec.encoding.color.scale = { domain, range };
    spec.layer[0].encoding.y2.value = 24 * values.length;
    await vegaEmbed(drawn, spec, { actions: false, renderer: "svg" });
    drawn.querySelector("svg")?.setAttribute("aria-hidden", "true"); // the table says it in words
    body.replaceChildren(
      ...values.map((one) => {
        const row = document.createElement("tr");
        const interval = one.low === one.high ? "" : ` [${number(one.low)}, ${number(one.high)}]`;
        row.append(
          cell("th", one.method),
          cell("td", number(one.mean) + interval),
          cell("td", Math.round(one.percent).toString().replace("-", "−")),
        );
        return row;
      }),
    );
  };

  if (!window.vegaEmbed) return; // the picture and the table of the first choice stay
  drawn.className = "explore-drawn";
  figure.append(drawn);
  figure.querySelector(".explore-still")?.setAttribute("hidden", "");
  form.hidden = false;
  form.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("resize", show);
  show();
})();
