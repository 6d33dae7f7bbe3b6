
"use strict";
document.documentElement.classList.add("scripts");

// A table's entry as a number; what lies beyond the horizon, as ">15", is larger than any.
const number = text => text === "" ? NaN : text === "inf" || text.startsWith(">") ? Infinity : text === "-inf" ? -Infinity : Number(text);
const COMPARE = {
  "=": (a, b) => a === b, "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
};

// "relu depth=20 rmst<5" becomes a test of a row's entries: all of them hold. What names no column is looked for anywhere.
function condition(query, names, numeric) {
  const tests = (query.toLowerCase().match(/(?:"[^"]*"|\S)+/g) ?? []).map(word => {
    const [, name, sign, value] = word.replaceAll('"', "").match(/^(.+?)(<=|>=|=|<|>)(.+)$/) ?? [];
    const place = names.indexOf(name);
    if (place < 0) return entries => entries.some(entry => entry.includes(word.replaceAll('"', "")));
    if (numeric[place]) return entries => COMPARE[sign](number(entries[place]), number(value));
    return entries => COMPARE[sign](entries[place], value);
  });
  return entries => tests.every(test => test(entries));
}

for (const part of document.querySelectorAll("section.data")) {
  const table = part.querySelector("table"), body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const names = heads.map(head => head.textContent.toLowerCase());
  const numeric = heads.map(head => head.classList.contains("number"));
  const entries = new Map([...body.rows].map(row => [row, [...row.cells].map(cell => cell.textContent.trim())]));
  const lower = new Map([...entries].map(([row, texts]) => [row, texts.map(text => text.toLowerCase())]));
  const field = part.querySelector("input"), status = part.querySelector(".status");
  let order = "";

  function tell() {
    const left = [...body.rows].filter(row => !row.hidden).length, all = body.rows.length;
    const count = `${left < all ? `${left} of ` : ""}${all} ${all === 1 ? "row" : "rows"}`;
    status.textContent = [count, order].filter(Boolean).join(", ");
  }
  field.addEventListener("input", () => {
    const holds = condition(field.value, names, numeric);
    for (const [row, texts] of lower) row.hidden = !holds(texts);
    tell();
  });
  heads.forEach((head, place) => head.firstElementChild.addEventListener("click", () => {
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    // Times beyond the horizon and empty entries come last either way.
    const late = text => text === "" ? 2 : numeric[place] && !Number.isFinite(number(text)) && !text.endsWith("inf") ? 1 : 0;
    const compare = numeric[place]
      ? (a, b) => (number(a) > number(b)) - (number(a) < number(b))
      : (a, b) => a.localeCompare(b, "en", { numeric: true });
    const rows = [...body.rows].map(row => [entries.get(row)[place], row]);
    rows.sort(([a], [b]) => late(a) - late(b) || (late(a) ? 0 : sign * compare(a, b)));
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    body.append(...rows.map(([, row]) => row));
    order = `sorted by ${head.textContent}, ${sign > 0 ? "ascending" : "descending"}`;
    tell();
  }));
  tell();
}

// What a link leads to, or paper shows, is unfolded.
const unfold = () => {
  const aim = document.getElementById(location.hash.slice(1));
  for (let fold = aim?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  aim?.scrollIntoView();
};
window.addEventListener("hashchange", unfold);
unfold();
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details.fold:not([open])")];
  for (const fold of folded) fold.open = true;
});
window.addEventListener("afterprint", () => { for (const fold of folded) fold.open = false; });

const viewer = document.getElementById("viewer"), image = document.createElement("img");
const sizes = document.getElementById("viewer-size"), pan = viewer.querySelector(".pan");
let opener = null;
pan.append(image);

function full(on) {
  pan.classList.toggle("full", on);
  sizes.textContent = on ? "Fit" : "Full size";
}
for (const figure of document.querySelectorAll("figure:has(img)")) {
  const small = figure.querySelector("img"), button = figure.querySelector("button");
  const open = () => {
    opener = button;
    image.src = small.src;
    image.alt = small.alt;
    document.getElementById("viewer-title").textContent = figure.dataset.topic;
    document.getElementById("viewer-caption").textContent = figure.querySelector("figcaption").firstChild.textContent;
    full(window.innerWidth < small.naturalWidth / 2);  // on a phone the whole would be no larger than it was
    viewer.showModal();
    document.getElementById("viewer-close").focus();
  };
  button.addEventListener("click", open);
  small.addEventListener("click", open);
}
sizes.addEventListener("click", () => full(!pan.classList.contains("full")));
document.getElementById("viewer-close").addEventListener("click", () => viewer.close());
viewer.addEventListener("click", event => { if (event.target === viewer) viewer.close(); });
viewer.addEventListener("close", () => opener.focus());
