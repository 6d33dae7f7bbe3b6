// What is said of the lines: their names, the command that trains them, their numbers in tables.
function teller({ header, fields }) {
  const { factors, score } = header;
  const share = (value, digits = 1) => Number.isFinite(value) ? `${(100 * value).toFixed(digits)}%` : "none";
  const scored = value => score.share ? share(value) : Number.isFinite(value) ? value.toFixed(3) : "none";
  const ended = ({ mean, low, high }, text) => Number.isFinite(low) ? `${text(mean)} [${text(low)}, ${text(high)}]` : text(mean);
  const said = (place, level) => level ? factors[place].levels[level - 1].said : `best ${factors[place].name}`;
  const name = (levels, places) => places.map(place => said(place, levels[place])).join(", ");
  const quoted = word => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;

  // The settings of a line's cells, as whole lists of levels with the number of cells; one where nothing was tuned.
  function settings({ levels, line }) {
    const tuned = factors.flatMap((factor, place) => factor.tuned ? [place] : []);
    const own = header.settings[line].length ? header.settings[line] : [[...tuned.map(place => levels[place]), 0]];
    return own.map(setting => {
      const all = [...levels];
      tuned.forEach((place, i) => { all[place] = setting[i]; });
      return { all, cells: setting.at(-1) };
    });
  }
  function command(picked) {
    const values = new Map(), optimizer = factors.findIndex(factor => factor.name === "optimizer");
    for (const { all } of settings(picked)) {
      factors.forEach((factor, place) => {
        const key = factor.name === "lr" ? header.rates[optimizer < 0 ? 0 : all[optimizer] - 1] : factor.name;
        const word = header.words[factor.name][all[place] - 1].slice(factor.name.length + 1);
        values.set(key, (values.get(key) ?? new Set()).add(word));
      });
    }
    const words = [...values].map(([key, set]) => {
      const all = [...set];
      if (all.length === 1) return `${key}=${all[0]}`;
      return all[0].startsWith("{") ? `${key}={${all.map(one => one.slice(1, -1)).join(", ")}}` : `${key}=[${all.join()}]`;
    });
    return [header.base, ...words.map(quoted)].join(" ");
  }
  function tuning(picked) {
    const left = factors.flatMap((factor, place) => factor.tuned && !picked.levels[place] ? [place] : []);
    if (!left.length) return "";
    const parts = settings(picked).map(({ all, cells }) => `${name(all, left)} (${cells})`);
    return `Best, with the number of cells: ${parts.join("; ")}.`;
  }
  function element(tag, text, more = {}) {
    return Object.assign(document.createElement(tag), { textContent: text, ...more });
  }
  function filled(table, heads, rows) {
    const head = element("tr", "");
    head.append(...heads.map(text => element("th", text, { scope: "col" })));
    const [top, body] = [element("thead", ""), element("tbody", "")];
    top.append(head);
    for (const [first, ...rest] of rows) {
      const row = element("tr", ""), leading = element("th", "", { scope: "row" });
      leading.append(first);
      row.append(leading, ...rest.map(text => element("td", text, { className: "number" })));
      body.append(row);
    }
    table.replaceChildren(top, body);
    return table;
  }
  // A row a line: its cells, when it met the target, its scores.
  function summarized(table, lines, buttons) {
    const value = (name, row) => fields[name].value(row);
    const heads = ["line", "cells", "diverged", "met target", `median ${header.unit}`, "best", "final", "test"];
    filled(table, heads, lines.map((one, i) => {
      const at = one.row, median = value("median", at);
      return [buttons[i], value("cells", at), value("diverged", at), value("reached", at),
        Number.isFinite(median) ? String(median) : `>${header.horizon}`,
        ended(one.best, scored), ended(one.final, scored), ended(one.tested, scored)].map(x => x instanceof Node ? x : String(x));
    }));
  }
  function numbers(details, lines, charts) {
    details.querySelectorAll(".scroll").forEach(one => one.remove());
    for (const { title, x, xs, series, text } of charts) {
      const table = element("table", "");
      const head = element("caption", title);
      filled(table, [x, ...lines.map(one => one.name)],
        xs.map((at, i) => [String(at), ...series.map(({ mean, low, high }) =>
          ended({ mean: mean[i], low: low[i], high: high[i] }, text))]));
      table.prepend(head);
      const part = element("div", "", { className: "scroll", tabIndex: 0 });
      part.setAttribute("role", "region");
      part.setAttribute("aria-label", title);
      part.append(table);
      details.append(part);
    }
  }
  return { name, command, tuning, share, scored, ended, summarized, numbers, element };
}
