// Markers by matplotlib's letters, as paths around the origin within a radius of 1.
const corners = (count, turn, inner = 1) => `M${Array.from({ length: inner < 1 ? 2 * count : count }, (_, i) => {
  const angle = turn + 2 * Math.PI * i / (inner < 1 ? 2 * count : count), radius = i % 2 ? inner : 1;
  return `${(radius * Math.sin(angle)).toFixed(3)} ${(-radius * Math.cos(angle)).toFixed(3)}`;
}).join("L")}Z`;
const MARKERS = {
  o: "M1 0A1 1 0 1 1 -1 0A1 1 0 1 1 1 0Z", s: corners(4, Math.PI / 4), D: corners(4, 0), "^": corners(3, 0),
  v: corners(3, Math.PI), P: "M-.33-1H.33V-.33H1V.33H.33V1H-.33V.33H-1V-.33H-.33Z", "*": corners(5, 0, .4),
  X: corners(4, Math.PI / 4, .35), p: corners(5, 0), h: corners(6, 0),
};
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

// How each line looks: color and marker of the factor of which most levels are picked, a dash for the rest of its levels.
function looks(header, picks, lines) {
  const lead = picks.reduce((most, levels, place) => levels.length > picks[most].length ? place : most, 0);
  const rests = [];
  return lines.map(({ levels }) => {
    const rest = levels.filter((_, place) => place !== lead).join();
    if (!rests.includes(rest)) rests.push(rest);
    const own = levels[lead] ? header.factors[lead].levels[levels[lead] - 1] : { color: "#555e68", marker: "o" };
    return { color: own.color, marker: own.marker, dash: DASHES[rests.indexOf(rest) % DASHES.length] };
  });
}

function swatch({ color, marker, dash }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const set = (name, values) => {
    const part = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(values)) part.setAttribute(key, value);
    svg.append(part);
  };
  for (const [key, value] of [["viewBox", "0 0 42 16"], ["aria-hidden", "true"]]) svg.setAttribute(key, value);
  set("path", { d: "M1 8H41", stroke: color, "stroke-width": 2, "stroke-dasharray": dash.join(" "), fill: "none" });
  set("path", { d: MARKERS[marker], transform: "translate(21 8) scale(5)", fill: color });
  return svg;
}
