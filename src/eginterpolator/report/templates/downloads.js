// Files that the page makes by itself: structures, angles, pictures of plots. Nothing is fetched.
"use strict";

function save(name, content, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = node("a", { href: url, download: name.replace(/[^\w.+-]+/g, "_"), hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// ---- structures -----------------------------------------------------------------------------------------------------
// A V2000 record whose coordinates are those of one frame; the rest of the block is the molecule's, as RDKit wrote it.
function sdfRecord(molecule, positions, frame, properties) {
  const n = molecule.symbols.length;
  const lines = molecule.molblock.split("\n");
  for (let i = 0; i < n; i++) {
    const at = 3 * (frame * n + i);
    lines[4 + i] = [0, 1, 2].map((d) => positions[at + d].toFixed(4).padStart(10)).join("") + lines[4 + i].slice(30);
  }
  const told = Object.entries({ smiles: molecule.smiles, ...properties }).map(([key, value]) => `>  <${key}>\n${value}\n\n`);
  return `${lines.join("\n").trimEnd()}\n${told.join("")}$$$$\n`;
}

const positionsOf = (sample) => Float32Array.from(decodeInt16(sample.xyz), (v) => v * sample.step);

// sample, frame: counted from 0, as in states.csv; `frame` of those that the page holds.
function frameRecord(molecule, sample, frame, more = {}) {
  const { frame_ps: spacing } = molecule.samples[sample];
  const place = molecule.ensemble ? { structure: frame } : { sample, frame: frame * DATA.stride, time_ps: +(frame * spacing).toFixed(4) };
  return sdfRecord(molecule, positionsOf(molecule.samples[sample]), frame, { ...place, ...more });
}

function representativeRecords(molecule, rows, kind) {
  return rows.filter((row) => "frame" in row).map((row) => frameRecord(molecule, row.sample, row.frame, { [kind]: row.name, population: row.share[0] })).join("");
}

// ---- tables ---------------------------------------------------------------------------------------------------------
const cell = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

function anglesOf(molecule, sample) {
  const flat = decodeInt16(sample.torsions);
  return molecule.torsions.map((_, k) => Float32Array.from(flat.subarray(k * sample.frames, (k + 1) * sample.frames), (v) => (v === -32768 ? NaN : v / 100)));
}

// A row for each frame of each sample that the page holds; angles in degrees, empty where there is none.
function torsionCsv(molecule) {
  const place = molecule.ensemble ? ["structure"] : ["sample", "frame", "time_ps"];
  const rows = [[...place, ...molecule.torsions.map((t) => `${t.label}_degrees`)]];
  molecule.samples.forEach((sample, s) => {
    const angles = anglesOf(molecule, sample);
    for (let t = 0; t < sample.frames; t++) {
      const where = molecule.ensemble ? [t] : [s, t * DATA.stride, +(t * sample.frame_ps).toFixed(4)];
      rows.push([...where, ...angles.map((a) => (Number.isFinite(a[t]) ? a[t].toFixed(2) : ""))]);
    }
  });
  return rows.map((row) => row.map((v) => cell(String(v))).join(",")).join("\n") + "\n";
}

// ---- pictures of plots ----------------------------------------------------------------------------------------------
// What FramePlot asks of a canvas' pen, written as SVG. Rectangles of one colour in a row are one path.
class SvgPen {
  constructor(width, height) {
    Object.assign(this, { width, height, parts: [], fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, font: "10px sans-serif", textAlign: "left", textBaseline: "alphabetic" });
    this.ruler = document.createElement("canvas").getContext("2d");
  }

  fillRect(x, y, width, height) {
    const path = `M${[x, y].map(SvgPen.short).join(" ")}h${SvgPen.short(width)}v${SvgPen.short(height)}h${SvgPen.short(-width)}z`;
    const last = this.parts[this.parts.length - 1];
    if (last && last.fill === this.fillStyle) last.path += path;
    else this.parts.push({ fill: this.fillStyle, path });
  }

  beginPath() { this.line = ""; }
  moveTo(x, y) { this.line += `M${SvgPen.short(x)} ${SvgPen.short(y)}`; }
  lineTo(x, y) { this.line += `L${SvgPen.short(x)} ${SvgPen.short(y)}`; }
  stroke() { if (this.line) this.parts.push({ stroke: this.strokeStyle, width: this.lineWidth, path: this.line }); }
  measureText(text) { this.ruler.font = this.font; return this.ruler.measureText(text); }

  fillText(text, x, y) {
    this.parts.push({ text, x, y, colour: this.fillStyle, anchor: { left: "start", right: "end", center: "middle" }[this.textAlign],
      baseline: { top: "hanging", middle: "central" }[this.textBaseline] || "auto" });
  }

  toString() {
    const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
    const size = parseFloat(this.font);
    const drawn = this.parts.map((p) => {
      if (p.text !== undefined) return `<text x="${SvgPen.short(p.x)}" y="${SvgPen.short(p.y)}" fill="${escape(p.colour)}" text-anchor="${p.anchor}" dominant-baseline="${p.baseline}">${escape(p.text)}</text>`;
      return p.fill ? `<path fill="${escape(p.fill)}" d="${p.path}"/>` : `<path fill="none" stroke="${escape(p.stroke)}" stroke-width="${p.width}" d="${p.path}"/>`;
    });
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}" font-family="sans-serif" font-size="${size}">\n${drawn.join("\n")}\n</svg>\n`;
  }

  static short(value) { return String(+value.toFixed(2)); }
}

const PICTURE = { width: 760, height: 190, scale: 3 };

// The plot once more, at a size of its own and with a heading; what is on the screen stays as it is.
function paintPicture(plot, pen, heading) {
  pen.fillStyle = css("--card");
  pen.fillRect(0, 0, PICTURE.width, PICTURE.height);
  plot.paint(pen, PICTURE.width, PICTURE.height, heading);
  plot.draw();
}

function plotSvg(plot, heading) {
  const pen = new SvgPen(PICTURE.width, PICTURE.height);
  paintPicture(plot, pen, heading);
  return String(pen);
}

function plotPng(plot, heading) {
  const canvas = node("canvas", { width: PICTURE.width * PICTURE.scale, height: PICTURE.height * PICTURE.scale });
  const pen = canvas.getContext("2d");
  pen.scale(PICTURE.scale, PICTURE.scale);
  paintPicture(plot, pen, heading);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

// Two small buttons for a plot; `said` gives its heading and the file's name without the ending.
function pictureButtons(plot, what, said) {
  const button = (kind, make) => node("button", { type: "button", class: "save", title: `Save this plot as ${kind}`, "aria-label": `${what} as ${kind}`, onclick: make }, kind);
  return node("span", { class: "saves" },
    button("PNG", async () => { const { heading, name } = said(); save(`${name}.png`, await plotPng(plot, heading)); }),
    button("SVG", () => { const { heading, name } = said(); save(`${name}.svg`, plotSvg(plot, heading), "image/svg+xml"); }));
}
