/* Draws what the page says in its table: bars stacked by outcome.

   <canvas data-chart="id">      the <script type="application/json" id="id"> holds labels and series
   <span data-outcome="name">    its colour is the colour of that series, in the present theme
   <details data-close-when-drawn>   the table, open as long as nothing is drawn */
"use strict";

(() => {
  const colour = (panel, name) => {
    const swatch = panel.querySelector(`[data-outcome="${CSS.escape(name)}"]`);
    return getComputedStyle(swatch).color;
  };
  /* Diagonal lines, so that refused requests differ by more than their colour. */
  const hatch = (line) => {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const pen = tile.getContext("2d");
    pen.strokeStyle = line;
    pen.lineWidth = 1.5;
    for (const shift of [-6, 0, 6]) {
      pen.moveTo(shift, 6);
      pen.lineTo(shift + 6, 0);
    }
    pen.stroke();
    return pen.createPattern(tile, "repeat");
  };
  const bars = (panel, series) => series.map((one) => {
    const plain = colour(panel, one.name);
    const refused = one.name === "refused";
    return {
      label: one.label,
      data: one.values,
      maxBarThickness: 28,
      backgroundColor: refused ? hatch(plain) : plain,
      borderColor: plain,
      borderWidth: refused ? 1 : 0,
    };
  });
  const axis = (text, line, more, ticks) => ({
    stacked: true, border: { color: line }, ticks: { color: text, ...ticks }, ...more,
  });
  const draw = (canvas, panel, data) => {
    const text = getComputedStyle(panel.querySelector(".legend")).color;
    const line = getComputedStyle(panel).borderTopColor;
    const { lang, dir } = document.documentElement;
    const rtl = dir === "rtl";
    const whole = new Intl.NumberFormat(lang);
    return new Chart(canvas, {
      type: "bar",
      data: { labels: data.labels, datasets: bars(panel, data.series) },
      options: {
        animation: false,
        locale: lang,
        maintainAspectRatio: false,
        font: { family: getComputedStyle(panel).fontFamily },
        interaction: { mode: "index", intersect: false },
        plugins: {
          legend: { display: false },
          tooltip: { rtl, textDirection: dir, filter: (item) => item.raw > 0 },
        },
        scales: {
          x: axis(text, line, { reverse: rtl, grid: { display: false } }, {
            maxTicksLimit: 8, maxRotation: 0,
          }),
          y: axis(text, line, {
            position: rtl ? "right" : "left", beginAtZero: true, grid: { color: line },
          }, {
            maxTicksLimit: 5, precision: 0, callback: (value) => whole.format(value),
          }),
        },
      },
    });
  };

  for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
    const panel = canvas.closest(".chart");
    const data = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
    canvas.parentElement.hidden = false;
    let chart = draw(canvas, panel, data);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      chart.destroy();
      chart = draw(canvas, panel, data);
    });
    for (const table of panel.querySelectorAll("[data-close-when-drawn]")) table.open = false;
  }
})();
