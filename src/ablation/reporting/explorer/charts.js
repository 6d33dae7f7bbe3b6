// A chart in a part of the page: drawn anew for each choice, followed by pointer and by keyboard.
const INK = "#1d2126", FAINT = "#d3d8dd";

// told(line, place): the pointer or the keyboard is at this line and place of the chart, or at none.
function chart(holder, told) {
  let plot = null, drawn = null, here = 0;

  function marks(u, series) {
    if (series % 3 !== 1) return;
    const line = drawn.lines[(series - 1) / 3], [xs, ys] = [u.data[0], u.data[series]];
    const known = [...xs.keys()].filter(i => ys[i] != null), every = Math.max(1, Math.floor(known.length / 6));
    u.ctx.save();
    u.ctx.fillStyle = line.color;
    u.ctx.globalAlpha = u.series[series].alpha ?? 1;
    for (const i of known.filter((_, count) => count % every === 0)) {
      const path = new Path2D(), size = 4 * devicePixelRatio;
      path.addPath(new Path2D(MARKERS[line.marker]),
        new DOMMatrix([size, 0, 0, size, u.valToPos(xs[i], "x", true), u.valToPos(ys[i], "y", true)]));
      u.ctx.fill(path);
    }
    u.ctx.restore();
  }
  const axis = more => ({
    stroke: INK, grid: { stroke: FAINT, width: 1 }, ticks: { stroke: FAINT, width: 1, size: 4 }, labelSize: 18,
    font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", ...more,
  });

  function draw(what, focused) {
    drawn = what;
    plot?.destroy();
    const orNull = values => Array.from(values, value => Number.isFinite(value) ? value : null);
    const data = [what.xs, ...what.lines.flatMap(({ mean, low, high }) => [mean, high, low].map(orNull))];
    const bare = { width: 0, points: { show: false } };
    plot = new uPlot({
      width: holder.clientWidth, height: 240, legend: { show: false },
      scales: { x: { time: false, range: () => what.along }, y: { range: () => what.upward } },
      axes: [
        axis({ label: what.x, size: 30, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5] }),
        axis({ size: 48, values: (_, splits) => splits.map(what.format), ...(what.incrs && { incrs: what.incrs }) }),
      ],
      series: [{}, ...what.lines.flatMap(({ color, dash }) =>
        [{ stroke: color, width: 1.6, dash, points: { show: false } }, bare, bare])],
      bands: what.lines.map(({ color }, i) => ({ series: [3 * i + 2, 3 * i + 3], fill: `${color}2b` })),
      focus: { alpha: .25 },
      cursor: {
        drag: { x: false, y: false }, y: false,
        focus: { prox: 30, dist: (_, series, __, at, cursor) => series % 3 === 1 ? at - cursor : Infinity },
      },
      hooks: {
        drawSeries: [marks],
        ready: [() => focus(focused)],  // its first cursor, which is nowhere, has taken back any focus before
        setSeries: [(u, series) => followed(u, series)],
        setCursor: [u => followed(u, u.series.findIndex((one, i) => i && one._focus))],
      },
    }, data, holder);
    holder.plot = plot;
  }
  function followed(u, series) {
    if (u !== plot || !holder.matches(":hover")) return;
    const at = u.cursor.idx;
    if (at == null || !(series > 0)) return told(null, null);
    here = at;
    told((series - 1) / 3, at);
  }
  function point(line, at) {
    const { xs, lines } = drawn;
    here = Math.max(0, Math.min(xs.length - 1, at));
    const y = lines[line].mean[here];
    plot.setCursor({ left: plot.valToPos(xs[here], "x"), top: plot.valToPos(Number.isFinite(y) ? y : 0, "y") }, false);
    told(line, here);
  }
  const focus = line => plot.setSeries(line == null ? null : 3 * line + 1, { focus: true }, false);

  new ResizeObserver(() => {
    if (plot && holder.clientWidth && holder.clientWidth !== plot.width) {
      plot.setSize({ width: holder.clientWidth, height: 240 });
    }
  }).observe(holder);
  return { draw, focus, point, place: () => here, holder };
}
