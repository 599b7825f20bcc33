// The panels around the viewer: drawing, torsions, geometry, facts. They build DOM from the data and report clicks.
"use strict";

const $ = (id) => document.getElementById(id);

function node(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function factList(facts) {
  return node("dl", { class: "facts" }, ...facts.flatMap(([label, value]) => [node("dt", {}, label), node("dd", {}, value)]));
}

function decodeInt16(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Int16Array(bytes.buffer);
}

// ---- 2D drawing ---------------------------------------------------------------------------------------------------
class Drawing {
  constructor(host, onPick) {
    this.host = host;
    this.onPick = onPick;
  }

  setMolecule(molecule) {
    this.molecule = molecule;
    this.host.innerHTML = molecule.svg; // made by RDKit on our side, no user text in it
    this.svg = this.host.querySelector("svg");
    this.under = this.add(this.svg, "g", {});
    this.svg.prepend(this.under);
    this.over = this.add(this.svg, "g", {});
    this.numbers = this.add(this.svg, "g", { class: "numbers" });
    const lengths = molecule.bonds.map(({ atoms: [i, j] }) => Math.hypot(...[0, 1].map((d) => molecule.places[i][d] - molecule.places[j][d])));
    const k = (this.scale = Math.max(0.68, Math.min(1, (lengths.sort((a, b) => a - b)[lengths.length >> 1] || 42) / 42)));
    this.svg.style.setProperty("--size", `${9.5 * k}px`);
    molecule.places.forEach(([x, y], i) => {
      const [dx, dy] = this.outward(i);
      const text = this.add(this.numbers, "text", { x: x + 16 * k * dx, y: y + 16 * k * dy });
      text.textContent = i + 1;
    });
    const taken = [];
    this.badges = molecule.torsions.map((torsion, number) => {
      const [x, y] = this.beside(torsion.atoms[1], torsion.atoms[2], taken);
      taken.push([x, y]);
      const badge = this.add(this.over, "g", { class: "badge", transform: `translate(${x} ${y})` });
      this.add(badge, "circle", { r: 8.5 * k });
      this.add(badge, "text", { y: 0.5 }).textContent = number + 1;
      this.add(badge, "title", {}).textContent = torsion.label;
      badge.addEventListener("click", () => this.onPick(number));
      return badge;
    });
  }

  // A place for a badge at bond i-j: on it where bonds are long, else beside it, where other things are farthest.
  beside(i, j, taken) {
    const { places } = this.molecule;
    const [a, b] = [places[i], places[j]];
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const [nx, ny] = [-(b[1] - a[1]) / length, (b[0] - a[0]) / length];
    const step = 12.5 * this.scale;
    const spots = (length > 36 ? [0, 1.4, -1.4, 2.8, -2.8] : [1, -1, 2.4, -2.4]).map((m) => [(a[0] + b[0]) / 2 + nx * step * m, (a[1] + b[1]) / 2 + ny * step * m]);
    const room = ([x, y]) => Math.min(...places.map((p) => Math.hypot(p[0] - x, p[1] - y)), ...taken.map((p) => Math.hypot(p[0] - x, p[1] - y) * 0.8));
    return length > 36 ? spots.find((spot) => room(spot) > 14) || spots[0] : spots.sort((p, q) => room(q) - room(p))[0];
  }

  // A unit vector from atom i away from its neighbours, for its number.
  outward(i) {
    const { places, bonds } = this.molecule;
    const near = bonds.filter((b) => b.atoms.includes(i)).map((b) => (b.atoms[0] === i ? b.atoms[1] : b.atoms[0]));
    let [x, y] = near.reduce(([sx, sy], j) => [sx + places[i][0] - places[j][0], sy + places[i][1] - places[j][1]], [0, 0]);
    // Beside a letter, not on its hydrogens: those of NH stand outside, those of OH and NH2 at its side.
    if (this.molecule.symbols[i] !== "C" && near.length < 2) [x, y] = [0, y < 0 ? -1 : 1];
    else if (this.molecule.symbols[i] === "N") [x, y] = [-x, -y];
    if (Math.hypot(x, y) < 0.5) [x, y] = near.length ? [places[near[0]][1] - places[i][1], places[i][0] - places[near[0]][0]] : [0, -1];
    const length = Math.hypot(x, y) || 1;
    return [x / length, y / length];
  }

  add(parent, tag, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.appendChild(element);
    return element;
  }

  highlight(atoms, torsion) {
    this.under.replaceChildren();
    this.badges.forEach((badge, k) => badge.classList.toggle("on", k === torsion));
    [...this.numbers.children].forEach((text, i) => text.classList.toggle("on", !!atoms && atoms.includes(i)));
    if (!atoms) return;
    const points = atoms.map((i) => this.molecule.places[i]);
    this.add(this.under, "polyline", { class: "glow", points: points.map((p) => p.join(",")).join(" ") });
    points.forEach(([cx, cy]) => this.add(this.under, "circle", { class: "glow", cx, cy, r: 9 * this.scale }));
  }
}

// ---- torsions -----------------------------------------------------------------------------------------------------
class TorsionPanel {
  constructor(host, { onPick, onSeek, said }) {
    Object.assign(this, { host, onPick, onSeek, said });
    new ResizeObserver(() => this.redraw()).observe(host);
  }

  setMolecule(molecule) {
    this.torsions = molecule.torsions;
    this.cards = molecule.torsions.map((torsion, k) => {
      const value = node("output", { class: "now" });
      const head = node(
        "button", { class: "torsion-head", type: "button", "aria-pressed": "false", onclick: () => this.onPick(k) },
        node("span", { class: "chip" }, String(k + 1)), node("span", { class: "atoms" }, torsion.label),
        ...(torsion.ring ? [node("span", { class: "tag" }, "ring")] : []),
        ...(torsion.jsd != null ? [node("span", { class: "tag", title: "Jensen-Shannon distance to the reference, 100 bins, all samples: 0 is equal, 0.83 nothing in common" }, `JSD ${torsion.jsd.toFixed(2)}`)] : []),
        value,
      );
      const plot = new TorsionPlot(node("div"), (frame) => { this.onSeek(frame); if (this.selected !== k) this.onPick(k); });
      const wells = node("p", { class: "wells" }, ...torsion.wells.map(wellChip),
        ...(torsion.fold > 1 ? [node("span", { class: "tag", title: "Wells that the symmetry of an end makes equal count as one" }, `the same every ${360 / torsion.fold}°`)] : []),
        pictureButtons(plot, `Torsion ${k + 1}`, () => this.said(k)));
      const card = node("article", { class: "torsion", "data-torsion": k }, head, wells, plot.host);
      return { card, head, plot, value };
    });
    const empty = node("p", { class: "quiet" }, "This molecule has no torsion that can turn.");
    this.host.replaceChildren(...(this.cards.length ? this.cards.map((c) => c.card) : [empty]));
  }

  // angles: one Float32Array a torsion.
  setSample(angles, framePs, states) {
    this.angles = angles;
    this.cards.forEach(({ plot }, k) => {
      const bins = this.torsions[k].all.length;
      const histogram = new Array(bins).fill(0);
      for (const angle of angles[k]) {
        if (Number.isFinite(angle)) histogram[Math.min(bins - 1, Math.floor(((angle + 180) / 360) * bins))]++;
      }
      plot.setData({ values: angles[k], histogram, all: this.torsions[k].all, reference: this.torsions[k].reference, framePs, states, coloured: this.coloured });
    });
  }

  setFrame(frame) {
    this.cards.forEach(({ plot, value }, k) => {
      plot.moveCursor(frame);
      const angle = this.angles[k][frame];
      value.textContent = Number.isFinite(angle) ? `${Math.round(angle)}°`.replace("-", "−") : "–";
    });
  }

  select(torsion) {
    this.selected = torsion;
    this.cards.forEach(({ card, head }, k) => {
      card.classList.toggle("on", k === torsion);
      head.setAttribute("aria-pressed", String(k === torsion));
    });
  }

  colourByState(on) {
    this.coloured = on;
    (this.cards || []).forEach(({ plot }) => { plot.coloured = on; plot.draw(); });
  }

  redraw() {
    (this.cards || []).forEach(({ plot }) => plot.draw());
  }
}

// ---- energies -----------------------------------------------------------------------------------------------------
class EnergyPanel {
  constructor(onSeek, said) {
    Object.assign(this, { onSeek, said, shown: [] });
    new ResizeObserver(() => this.redraw()).observe($("energies"));
  }

  // sample.energies: rows of label, unit, values (null: none), one a frame.
  setSample(sample) {
    $("energies-card").hidden = !sample.energies.length;
    this.shown = sample.energies.map(({ label, unit, values }) => {
      const now = node("output", { class: "now" });
      const plot = new EnergyPlot(node("div"), this.onSeek);
      const head = node("p", { class: "energy-head" }, node("span", {}, label), pictureButtons(plot, label, () => this.said(`${label}, ${unit}`)), now);
      return { card: node("article", { class: "torsion" }, head, plot.host), plot, now, unit, values: values.map((v) => v ?? NaN) };
    });
    $("energies").replaceChildren(...this.shown.map(({ card }) => card));
    this.shown.forEach(({ plot, values }) => plot.setData({ values, framePs: sample.frame_ps }));
  }

  setFrame(frame) {
    this.shown.forEach(({ plot, now, unit, values }) => {
      plot.moveCursor(frame);
      now.textContent = Number.isFinite(values[frame]) ? `${values[frame].toFixed(1)} ${unit}`.replace("-", "−") : "–";
    });
  }

  redraw() {
    this.shown.forEach(({ plot }) => plot.draw());
  }
}

// ---- bond lengths and angles --------------------------------------------------------------------------------------
function geometryTable(rows, { unit, digits, onPick }) {
  if (!rows.length) return node("p", { class: "quiet" }, "None.");
  const low = Math.min(...rows.map((r) => r.min));
  const high = Math.max(...rows.map((r) => r.max));
  const at = (value) => (100 * (value - low)) / (high - low || 1);
  const body = rows.map((row) => {
    const range = node("span", { class: "range" },
      node("i", { class: "whole", style: `left:${at(row.min)}%;width:${at(row.max) - at(row.min)}%` }),
      node("i", { class: "core", style: `left:${at(row.low)}%;width:${Math.max(0.8, at(row.high) - at(row.low))}%` }),
      node("i", { class: "mean", style: `left:${at(row.mean)}%` }));
    return node("tr", { onclick: (event) => onPick(row.atoms, event.currentTarget) },
      node("td", { class: "atoms" }, node("button", { type: "button", class: "link" }, row.label)), node("td", {}, row.mean.toFixed(digits)), node("td", {}, row.sd.toFixed(digits)),
      node("td", { class: "wide", title: `${row.min.toFixed(digits)} – ${row.max.toFixed(digits)} ${unit}` }, range));
  });
  const scale = node("span", { class: "scale" }, node("span", {}, low.toFixed(digits)), node("span", {}, `${high.toFixed(digits)} ${unit}`));
  return node("table", { class: "geometry" },
    node("thead", {}, node("tr", {}, node("th", {}, "Atoms"), node("th", {}, `Mean / ${unit}`), node("th", {}, "σ"), node("th", { class: "wide" }, scale))),
    node("tbody", {}, ...body));
}

// ---- many molecules, failures -------------------------------------------------------------------------------------
function moleculeTable(molecules, onPick) {
  const labels = [...new Set(molecules.flatMap((m) => m.headline.map(([label]) => label)))];
  const warned = molecules.some((m) => m.warnings.length);
  const row = (molecule, k) => {
    const values = new Map(molecule.headline);
    return node("tr", { "data-molecule": k, onclick: () => onPick(k) },
      node("td", {}, node("button", { type: "button", class: "link" }, node("b", {}, molecule.name))), node("td", { class: "mono" }, molecule.smiles),
      ...labels.map((label) => node("td", {}, values.get(label) || "–")), ...(warned ? [node("td", { class: "warned" }, node("div", { title: molecule.warnings.join(" ") }, molecule.warnings.join(" ")))] : []));
  };
  return node("table", { class: "list" },
    node("thead", {}, node("tr", {}, node("th", {}, "Molecule"), node("th", {}, "SMILES"), ...labels.map((l) => node("th", {}, l)), ...(warned ? [node("th", {}, "Warnings")] : []))),
    node("tbody", {}, ...molecules.map(row)));
}

// Name and reason come first, so that a narrow screen shows them.
function failureTable(failures) {
  const columns = [...new Set(["name", "reason", ...failures.flatMap((row) => Object.keys(row))])].filter((c) => failures.some((row) => row[c]));
  return node("table", { class: "list failed" },
    node("thead", {}, node("tr", {}, ...columns.map((c) => node("th", {}, c)))),
    node("tbody", {}, ...failures.map((row) => node("tr", {}, ...columns.map((c) => node("td", { class: c === "smiles" ? "mono" : false }, String(row[c] ?? "")))))));
}
