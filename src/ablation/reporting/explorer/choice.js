// What is picked: a list of level numbers for each factor (0 is the tuned one), and a step. The form and the address hold it.
function choices(header, form) {
  const { factors } = header, number = new Map(header.picks.map((levels, line) => [levels.join(), line]));
  const key = (factor, level) => level ? factor.levels[level - 1].key : "best";
  const boxes = factor => [...form.querySelectorAll("input")].filter(box => box.name === factor.name);
  const read = () => factors.map(factor => boxes(factor).filter(box => box.checked).map(box => Number(box.value)));

  function write(picks) {
    factors.forEach((factor, place) => {
      for (const box of boxes(factor)) box.checked = picks[place].includes(Number(box.value));
    });
  }
  // Every combination of the picks: its levels, and its number, which is undefined where the study has none.
  function lines(picks) {
    const all = picks.reduce((heads, levels) => heads.flatMap(head => levels.map(level => [...head, level])), [[]]);
    return all.map(levels => ({ levels, line: number.get(levels.join()) }));
  }
  function address(picks, step) {
    const parts = factors.map((factor, place) =>
      `${factor.name}=${picks[place].map(level => encodeURIComponent(key(factor, level))).join()}`);
    return `#explorer?${[...parts, `step=${header.steps[step]}`].join("&")}`;
  }
  // What an address says; a factor of which it names no level that there is stands as at first. Null where it is another's.
  function restored(hash) {
    if (!hash.startsWith("#explorer?")) return null;
    const said = Object.fromEntries(hash.slice("#explorer?".length).split("&").map(part => part.split("=")));
    const picks = factors.map((factor, place) => {
      let keys;
      try { keys = (said[factor.name] ?? "").split(",").map(decodeURIComponent); } catch { keys = []; }
      const levels = [...factor.levels.keys()].map(level => level + 1).filter(level => keys.includes(key(factor, level)));
      if (factor.tuned && keys.includes("best")) levels.unshift(0);
      return levels.length ? levels : header.start[place];
    });
    const step = header.steps.indexOf(Number(said.step));
    return { picks, step: step < 0 ? header.steps.length - 1 : step };
  }
  return { read, write, lines, address, restored };
}
