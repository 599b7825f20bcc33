// Ranked conformers: a gallery of their clusters, and the ladder of their energies.
"use strict";

const ATOM_COLOURS = { N: "#3868e0", O: "#e0392f", F: "#2f9e5b", P: "#d97f1a", S: "#c79a00", Cl: "#2f9e5b", Br: "#a64f24", I: "#7d3fb0" };
const GALLERY = 12; // clusters that are shown at first
const GHOSTS = 15; // members that are drawn behind a representative

// Heavy atoms of a structure as sticks, seen along z, near ones last.
function sticks(molecule, positions, frame, { width, opacity = 1 }) {
  const n = molecule.symbols.length;
  const at = (i) => [0, 1, 2].map((d) => positions[3 * (frame * n + i) + d] * (d === 1 ? -1 : 1));
  const halves = molecule.bonds.flatMap(({ atoms: [i, j] }) => {
    const [a, b] = [at(i), at(j)];
    const middle = a.map((v, d) => (v + b[d]) / 2);
    return [[a, middle, i], [b, middle, j]];
  });
  halves.sort((p, q) => p[0][2] + p[1][2] - q[0][2] - q[1][2]);
  return svg("g", { "stroke-linecap": "round", "stroke-width": width, opacity }, ...halves.map(([a, b, i]) =>
    svg("line", { x1: a[0], y1: a[1], x2: b[0], y2: b[1], stroke: ATOM_COLOURS[molecule.symbols[i]] || "var(--muted)" })));
}

function picture(molecule, positions, row) {
  const [ex, ey] = molecule.extent.map((v) => v + 0.6);
  const behind = (row.members || []).filter((frame) => frame !== row.frame).slice(0, GHOSTS);
  return svg("svg", { viewBox: `${-ex} ${-ey} ${2 * ex} ${2 * ey}`, role: "img", "aria-label": `${row.name}, representative structure` },
    ...behind.map((frame) => sticks(molecule, positions, frame, { width: 0.12, opacity: 0.3 })), sticks(molecule, positions, row.frame, { width: 0.3 }));
}

class ConformerPanel {
  constructor(onJump) {
    this.onJump = onJump;
    new ResizeObserver(() => this.redraw()).observe($("ladder"));
  }

  // The ladder anew where its width has changed.
  redraw() {
    if (!this.molecule || !this.molecule.ladder || Math.abs($("ladder").clientWidth - this.drawn) < 4) return;
    this.ladder(this.molecule);
    this.setFrame(this.frame);
  }

  setMolecule(molecule) {
    const rows = molecule.clusters.rows.filter((row) => row.members);
    this.molecule = molecule;
    $("gallery").hidden = !rows.length;
    if (rows.length) {
      $("ladder-card").before($("clusters-card")); // they are what the page is about
      this.gallery(molecule, rows);
    }
    $("ladder-card").hidden = !molecule.ladder;
    if (molecule.ladder) this.ladder(molecule);
  }

  gallery(molecule, rows) {
    const positions = positionsOf(molecule.samples[0]);
    const card = (row, k) => {
      const facts = [`${row.members.length} conformer${row.members.length > 1 ? "s" : ""}`, ...(row.kcal != null ? [`lowest ${row.kcal.toFixed(2)} kcal/mol`] : [])];
      return node("button", { type: "button", class: "pick", "data-frame": row.frame, "aria-label": `Show ${row.name}`, onclick: () => this.onJump(row) },
        picture(molecule, positions, row),
        node("span", { class: "head" }, node("i", { class: "swatch", style: `background:${stateColour(k)}` }), node("b", {}, row.name), ` ${shareText(row.share)}`),
        ...(row.thermal ? [node("span", { class: "thermal" }, `thermal ${shareText(row.thermal)}`)] : []),
        node("small", {}, facts.join(" · ")));
    };
    const fill = (count) => {
      const cards = rows.slice(0, count).map(card);
      const more = rows.length - count;
      $("gallery").replaceChildren(...cards, ...(more > 0 ? [node("button", { type: "button", class: "toggle", onclick: () => fill(rows.length) }, `${more} more`)] : []));
    };
    fill(GALLERY);
  }

  // A column a cluster, the most populated first; a line a conformer at its energy.
  ladder(molecule) {
    const { levels, note } = molecule.ladder;
    $("ladder-note").textContent = note;
    const names = molecule.clusters.rows.map((row) => row.name).filter((name) => levels.some((level) => level.cluster === name));
    const columns = names.length ? names : [""];
    const [left, top, bottom, height] = [34, 26, 26, 260];
    const width = Math.max(240, $("ladder").clientWidth || 700);
    this.drawn = width;
    const high = Math.max(...levels.map((level) => level.kcal), 0.5);
    const y = (kcal) => top + (1 - kcal / high) * (height - top - bottom);
    const step = (width - left - 8) / columns.length;
    const tick = roundStep(high, 5);
    const axis = [];
    for (let value = 0; value <= high * 1.001; value += tick) {
      axis.push(svg("line", { x1: left, x2: width - 8, y1: y(value), y2: y(value), stroke: "var(--grid)" }),
        svg("text", { x: left - 6, y: y(value) + 3.5, "text-anchor": "end" }, `${+value.toFixed(2)}`));
    }
    const every = Math.ceil(26 / step);
    const labels = columns.map((name, k) => (k % every ? "" : svg("text", { x: left + (k + 0.5) * step, y: height - 8, "text-anchor": "middle" }, name)));
    const lines = levels.map((level) => {
      const column = Math.max(0, columns.indexOf(level.cluster));
      const share = level.population == null ? "" : `, population ${percent(level.population)}`;
      const pad = Math.min(6, step * 0.12);
      return svg("g", { class: "level", "data-frame": level.frame, onclick: () => this.onJump({ sample: 0, frame: level.frame }) },
        svg("title", {}, `structure ${level.frame * DATA.stride + 1}: ${level.kcal.toFixed(2)} kcal/mol${share}`),
        svg("rect", { x: left + column * step, y: y(level.kcal) - 5, width: step, height: 10, fill: "transparent" }),
        svg("line", { x1: left + column * step + pad, x2: left + (column + 1) * step - pad, y1: y(level.kcal), y2: y(level.kcal), stroke: stateColour(column), "stroke-width": 2 + 4 * Math.sqrt(level.population || 0) }));
    });
    $("ladder").replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Energies above the lowest, kcal/mol, a column a cluster" },
      ...axis, ...labels.filter(Boolean), ...lines, svg("text", { x: left, y: 11 }, "kcal/mol above the lowest")));
  }

  setFrame(frame) {
    this.frame = frame;
    document.querySelectorAll("#gallery .pick, #ladder .level").forEach((each) => each.classList.toggle("here", +each.dataset.frame === frame));
  }
}
