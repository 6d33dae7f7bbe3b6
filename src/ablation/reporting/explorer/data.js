// The packed numbers, as packed.py lays them down: a header, and for each quantity an array of whole numbers.
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), one => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const content = new Uint8Array(buffer, 4 + size);
  let place = 0;
  const fields = {};
  for (const { name, shape, planes, parts, base } of header.fields) {
    const length = shape.reduce((product, size) => product * size, 1), last = shape.at(-1);
    const numbers = new Int32Array(length);
    for (let i = 0; i < length; i++) {
      let positive = 0;
      for (let plane = planes - 1; plane >= 0; plane--) positive = 256 * positive + content[place + plane * length + i];
      const change = positive % 2 ? -(positive + 1) / 2 : positive / 2;
      numbers[i] = change + (i % last ? numbers[i - 1] : 0);
    }
    place += planes * length;
    fields[name] = { numbers, shape, value: i => numbers[i] ? (numbers[i] - 1 + base) / parts : NaN };
  }
  return { header, fields };
}
