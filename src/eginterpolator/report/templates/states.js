// Wells of a torsion, and tables whose rows stand for a frame: rotamer states, clusters.
"use strict";

// Okabe and Ito's colours, which colour-blind readers tell apart, then greys; legible on white and near-black.
const STATE_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#3f9fd8", "#8c564b", "#7f6bd6"];

function stateColour(k) {
  return STATE_COLOURS[k] || "#8a929c";
}

function percent(share) {
  return share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

// '48 % (40–56)', without the interval where there is none.
function shareText([share, low, high]) {
  const part = (value) => (100 * value).toFixed(high < 0.1 ? 1 : 0);
  return low == null || high == null ? percent(share) : `${percent(share)} (${part(low)}–${part(high)})`;
}

function wellChip({ name, degrees, share: [share, low, high] }) {
  const interval = low == null || high == null ? [] : [" ", node("small", {}, shareText([share, low, high]).replace(/^[^(]*/, ""))];
  return node("span", { class: "well", title: `mean angle ${degrees}°`.replace("-", "−") }, `${name} ${percent(share)}`, ...interval);
}

class FrameTable {
  // rows: name, share [value, low, high], and wells of torsions or a text, a lifetime, sample and frame where they have them.
  constructor(rows, { head, coloured = false, ensemble = false, onJump }) {
    const timed = rows.some((row) => row.lifetime);
    const thermal = rows.some((row) => row.thermal);
    const columns = [head, coloured ? "Wells" : "Spread", "Population", ...(thermal ? ["Thermal population"] : []), ...(timed ? ["Mean lifetime"] : []), "Representative"];
    this.rows = rows.map((row, k) => {
      const text = row.wells && row.wells.length ? row.wells.map((well, i) => `${row.torsions[i] + 1}: ${well}`).join(", ") : row.text;
      const at = (value) => `${100 * Math.max(0, Math.min(1, value))}%`;
      const bar = ([share, low, high]) => node("span", { class: "bar", "aria-hidden": "true" }, node("i", { style: `left:0;width:${at(share)}${coloured ? `;background:${stateColour(k)}` : ""}` }),
        ...(low == null || high == null ? [] : [node("i", { class: "span", style: `left:${at(low)};width:${at(high - low)}` })]));
      const much = (share, kind = "") => node("td", { class: `much ${kind}` }, node("span", { class: "share" }, shareText(share), bar(share)));
      const where = "frame" in row ? node("button", { type: "button", class: "jump", "aria-label": `Show ${row.name}`, onclick: () => onJump(row) }, ensemble ? `structure ${row.frame * DATA.stride + 1}` : `sample ${row.sample + 1}, frame ${row.frame * DATA.stride + 1}`) : "";
      return node("tr", {},
        node("td", { class: "name" }, ...(coloured ? [node("i", { class: "swatch", style: `background:${stateColour(k)}` })] : []), node("b", {}, row.name)),
        node("td", { class: "what" }, text), much(row.share),
        ...(thermal ? [row.thermal ? much(row.thermal, "thermal") : node("td", {}, "–")] : []),
        ...(timed ? [node("td", { class: "long" }, row.lifetime || "–", ...(row.stays ? [" ", node("small", {}, row.stays)] : []))] : []),
        node("td", { class: "where" }, where));
    });
    this.table = node("table", { class: "list frames" },
      node("thead", {}, node("tr", {}, ...columns.map((column) => node("th", {}, column)))), node("tbody", {}, ...this.rows));
  }

  // The row of the shown frame.
  mark(k) {
    if (k === this.marked) return;
    this.marked = k;
    this.rows.forEach((row, place) => row.classList.toggle("here", place === k));
  }
}
