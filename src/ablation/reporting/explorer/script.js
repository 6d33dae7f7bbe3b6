// The explorer: from what is picked to what is drawn and said.
async function explore() {
  const part = name => document.getElementById(`explorer-${name}`);
  const data = await unpacked(part("data").textContent), { header, fields } = data;
  const { factors, score, steps, times } = header;
  const told = teller(data), form = part("picks"), choice = choices(header, form), slider = part("step");
  const [, layers, probes] = fields.delta.shape;
  slider.max = steps.length - 1;

  const slice = (name, row) => {
    const size = fields[name].shape[1];
    return Array.from({ length: size }, (_, i) => fields[name].value(row * size + i));
  };
  const atStep = (name, row, step) =>
    Array.from({ length: layers }, (_, layer) => fields[name].value((row * layers + layer) * probes + step));
  const between = (mean, half, least, most) => ({
    mean, low: mean.map((value, i) => Math.max(value - half[i], least)), high: mean.map((value, i) => Math.min(value + half[i], most)),
  });
  const single = ({ mean, low, high }) => ({ mean: mean[0], low: low[0], high: high[0] });
  const end = (name, row) =>
    single(between([fields[name].value(row)], [fields[`${name}_half`].value(row)], score.least, 1));
  const last = ({ mean, low, high }) => ({ mean: mean.at(-1), low: low.at(-1), high: high.at(-1) });
  const power = value => value <= header.floor ? `≤1e${header.floor}` : value >= header.ceiling ? `≥1e${header.ceiling}` : `1e${Math.round(value * 10) / 10}`;

  const KINDS = {
    score: { title: score.name[0].toUpperCase() + score.name.slice(1), x: header.noun, format: value => told.scored(value).replace(".0%", "%"), text: told.scored },
    loss: { title: "Validation loss", x: header.noun, format: value => `${+value.toFixed(3)}`, text: value => value.toFixed(4) },
    delta: { title: "Norm of the gradient (delta) by layer", x: "hidden layer", format: power, incrs: [1, 2, 5, 10, 20], text: value => Number.isFinite(value) ? (10 ** value).toExponential(1) : "none" },
    dead: { title: "Dead units by layer", x: "hidden layer", format: value => told.share(value, 0), text: told.share },
    saturated: { title: "Saturated units (rectifiers: blocked) by layer", x: "hidden layer", format: value => told.share(value, 0), text: told.share },
  };
  const layered = kind => ["delta", "dead", "saturated"].includes(kind);
  let lines = [], shown = {}, pinned = null;

  function series(kind, { row }, step) {
    if (kind === "score") return between(slice("score", row), slice("score_half", row), score.least, 1);
    if (kind === "loss") return between(slice("loss", row), slice("loss_half", row), 0, Infinity);
    const [mean, ...band] = (kind === "delta" ? ["delta", "delta_below", "delta_above"] : [kind, `${kind}_half`])
      .map(name => atStep(name, row, step));
    if (kind !== "delta") return between(mean, band[0], 0, 1);
    return { mean, low: mean.map((value, i) => value - band[0][i]), high: mean.map((value, i) => value + band[1][i]) };
  }
  function upward(kind, all) {
    if (layered(kind) && kind !== "delta") return [-.03, 1.03];
    const found = all.flatMap(({ mean, low, high }) => [...mean, ...low, ...high]).filter(Number.isFinite);
    const [low, high] = [Math.min(...found), Math.max(...found)];
    if (!found.length) return [0, 1];
    if (kind === "score") return [Math.min(0, 1.05 * low), 1.02];
    return kind === "loss" ? [0, 1.05 * high || 1] : [Math.floor(low - .3), Math.ceil(high + .3)];
  }
  function draw(kind, step) {
    const what = KINDS[kind], all = lines.map(line => series(kind, line, step));
    const deep = Math.max(1, ...all.map(({ mean }) => mean.findLastIndex(Number.isFinite) + 1));
    const xs = layered(kind) ? Array.from({ length: deep }, (_, i) => i + 1) : times;
    const along = layered(kind) ? [.5, deep + .5] : [0, Math.max(header.horizon, 1e-6)];
    shown[kind] = { ...what, xs, series: all, title: layered(kind) ? `${what.title}, ${part("at").textContent}` : what.title };
    charts[kind].draw({
      xs, along, upward: upward(kind, all), x: what.x, format: what.format, incrs: what.incrs,
      lines: all.map((one, i) => ({
        ...lines[i].look, mean: one.mean.slice(0, xs.length), low: one.low.slice(0, xs.length), high: one.high.slice(0, xs.length),
      })),
    }, pinned);
    part(`${kind}-title`).textContent = what.title;
  }

  function tell(kind, line, at) {
    part("told").classList.toggle("pinned", pinned != null);
    for (const each of Object.values(charts)) each.focus(line);
    if (line == null) return pinned == null ? part("told").replaceChildren() : tell(null, pinned, null);
    const picked = lines[line], parts = [told.name(picked.levels, picked.levels.map((_, place) => place))];
    if (kind) {
      const { title, x, xs, series, text } = shown[kind], { mean, low, high } = series[line];
      const value = told.ended({ mean: mean[at], low: low[at], high: high[at] }, text);
      const behind = layered(kind) ? fields.shown.value(picked.row * probes + Number(slider.value)) : fields.cells.value(picked.row);
      parts.push(`${x} ${xs[at]}: ${title.replace(" by layer", "")} ${value}, ${behind} ${behind === 1 ? "cell" : "cells"}`);
    }
    const code = told.element("code", told.command(picked)), pre = told.element("pre", "", { tabIndex: 0 });
    pre.append(code);
    part("told").replaceChildren(told.element("p", `${parts.join(". ")}. ${told.tuning(picked)}`), pre);
  }
  const charts = Object.fromEntries(Object.keys(KINDS).map(kind => [kind, chart(part(kind), (line, at) => tell(kind, line, at))]));

  function buttons() {
    return lines.map((line, i) => {
      const button = told.element("button", line.name, { type: "button" });
      button.prepend(swatch(line.look));
      button.setAttribute("aria-pressed", "false");
      for (const event of ["focus", "mouseenter"]) button.addEventListener(event, () => tell(null, i, null));
      button.addEventListener("mouseleave", () => tell(null, null, null));
      button.addEventListener("click", () => {
        pinned = pinned === i ? null : i;
        for (const other of part("lines").querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
        button.setAttribute("aria-pressed", String(pinned === i));
        tell(null, i, null);
      });
      return button;
    });
  }
  function summary(picks, all, missing) {
    const open = factors.filter((_, place) => !picks[place].length).map(factor => factor.name);
    if (open.length) return `Pick at least one level of ${open.join(" and of ")}.`;
    const fixed = factors.flatMap((_, place) => picks[place].length === 1 ? [place] : []);
    const parts = [`${lines.length} ${lines.length === 1 ? "line" : "lines"}${fixed.length && lines.length ? `, all with ${told.name(all[0].levels, fixed)}` : ""}`];
    if (all.length - missing > lines.length) parts[0] = `The first ${lines.length} of ${all.length - missing} lines; pick fewer levels to see the others`;
    if (missing) parts.push(`${missing} of ${all.length} combinations are not in this page`);
    const order = [...lines].sort((a, b) => b.final.mean - a.final.mean);
    if (lines.length) parts.push(`Final ${score.name}: ${told.scored(order[0].final.mean)} with ${order[0].name}${lines.length > 1 ? `, down to ${told.scored(order.at(-1).final.mean)} with ${order.at(-1).name}` : ""}`);
    return `${parts.join(". ")}.`;
  }
  function layersAt() {
    const step = Number(slider.value), epoch = header.epoch ? ` (epoch ${+(steps[step] / header.epoch).toFixed(2)})` : "";
    part("at").textContent = `step ${steps[step]}${epoch}`;
    slider.setAttribute("aria-valuetext", part("at").textContent);
    for (const kind of ["delta", "dead", "saturated"]) draw(kind, step);
  }
  function listed() {
    if (part("numbers").open) told.numbers(part("numbers"), lines, Object.values(shown));
  }
  function show() {
    const picks = choice.read(), all = choice.lines(picks), there = all.filter(({ line }) => line !== undefined);
    const several = factors.flatMap((_, place) => picks[place].length > 1 ? [place] : []);
    const look = looks(header, picks, there);
    lines = there.slice(0, header.drawn).map((one, i) => {
      const row = fields.row.value(one.line), name = told.name(one.levels, several.length ? several : one.levels.map((_, place) => place));
      return { ...one, row, name, look: look[i], best: end("best", row), tested: end("tested", row), final: last(series("score", { row })) };
    });
    pinned = null;
    part("told").replaceChildren();
    part("status").textContent = summary(picks, all, all.length - there.length);
    told.summarized(part("lines"), lines, buttons());
    for (const kind of ["score", "loss"]) draw(kind);
    layersAt();
    listed();
    part("link").href = choice.address(picks, slider.value);
  }
  function remember() {
    part("link").href = choice.address(choice.read(), slider.value);
    history.replaceState(null, "", part("link").href);
  }
  function restore(scroll) {
    const found = choice.restored(location.hash);
    if (!found && scroll) return;
    const { picks, step } = found ?? { picks: header.start, step: steps.length - 1 };
    choice.write(picks);
    slider.value = step;
    show();
    if (found) document.getElementById("explorer").scrollIntoView();
  }

  form.addEventListener("change", () => { show(); remember(); });
  slider.addEventListener("input", () => { layersAt(); listed(); });
  slider.addEventListener("change", remember);
  part("numbers").addEventListener("toggle", listed);
  part("again").addEventListener("click", () => {
    choice.write(header.start);
    slider.value = steps.length - 1;
    show();
    remember();
  });
  addEventListener("hashchange", () => restore(true));
  for (const [kind, each] of Object.entries(charts)) {
    let line = 0;
    each.holder.addEventListener("keydown", event => {
      const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Escape: [0, 0] }[event.key];
      if (!move || !lines.length) return;
      event.preventDefault();
      if (event.key === "Escape") return tell(kind, null, null);
      line = (Math.min(line, lines.length - 1) + move[0] + lines.length) % lines.length;
      each.point(line, each.place() + move[1]);
    });
    each.holder.addEventListener("mouseleave", () => tell(kind, null, null));
    each.holder.addEventListener("focus", () => { if (lines.length && !each.holder.matches(":hover")) each.point(Math.min(line, lines.length - 1), each.place()); });
  }
  restore(false);
}
explore();
