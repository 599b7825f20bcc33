// Small charts of the evaluation page: curves as SVG, maps on canvas. They take numbers and give elements.
"use strict";

const SOURCES = ["reference", "oracle", "generated"];
const JSD_SAID = "JSD is the Jensen-Shannon distance of two histograms: 0 is equal, 0.83 nothing in common. Heights are shares of the frames in a bin.";

// Curves over x from low to high; lines: [{name, values, filled}], values evenly spaced or as bins (step).
function curveChart({ lines, low, high, bottom = 0, top, step = false, unit = "", digits = 1, threshold = null, yTicks = [], yText = String }) {
  const [width, height, left, right, foot, head] = [260, 120, yTicks.length ? 30 : 4, 6, 18, 6];
  const x = (share) => left + share * (width - left - right);
  const y = (value) => height - foot - ((value - bottom) / (top - bottom || 1)) * (height - foot - head);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Curves from ${low.toFixed(digits)} to ${high.toFixed(digits)} ${unit}` });
  picture.append(svg("rect", { class: "frame", x: left, y: head, width: width - left - right, height: height - foot - head }));
  for (const value of yTicks) {
    picture.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    picture.append(svg("text", { x: left - 4, y: y(value) + 3, "text-anchor": "end" }, yText(value)));
  }
  if (threshold !== null) picture.append(svg("line", { class: "threshold", x1: left, x2: width - right, y1: y(threshold), y2: y(threshold) }));
  for (const { name, values, filled } of lines) {
    const points = values.flatMap((value, k) => {
      const clamped = y(Math.max(bottom, Math.min(top, value)));
      return step
        ? [[x(k / values.length), clamped], [x((k + 1) / values.length), clamped]]
        : [[x(values.length > 1 ? k / (values.length - 1) : 0), clamped]];
    });
    if (!points.length) continue;
    let path = `M${points.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L")}`;
    if (filled) path = `M${points[0][0]} ${y(bottom)}L${path.slice(1)}L${points[points.length - 1][0].toFixed(1)} ${y(bottom)}Z`;
    picture.append(svg("path", { class: `${name}${filled ? " filled" : ""}`, d: path }));
  }
  for (const [share, anchor] of [[0, "start"], [0.5, "middle"], [1, "end"]]) {
    const value = `${(low + share * (high - low)).toFixed(digits)}${share === 1 && unit !== "°" ? ` ${unit}` : unit === "°" ? "°" : ""}`;
    picture.append(svg("text", { x: x(share), y: height - 5, "text-anchor": anchor }, value.replace("-", "−")));
  }
  return picture;
}

function figure(label, value, ...content) {
  return node("figure", { class: "chart" }, node("figcaption", {}, ...label, node("span", {}, value)), ...content);
}

// Distributions of one feature, cut to where any source has counts.
function featureChart(feature) {
  const shares = Object.fromEntries(Object.entries(feature.counts).map(([source, counts]) => {
    const sum = counts.reduce((a, b) => a + b, 0) || 1;
    return [source, counts.map((c) => c / sum)];
  }));
  const bins = shares.reference.length;
  const used = [...Array(bins).keys()].filter((k) => Object.values(shares).some((s) => s[k] > 0));
  const [first, last] = feature.kind === "torsion" ? [0, bins - 1] : [Math.max(0, used[0] - 2), Math.min(bins - 1, used[used.length - 1] + 2)];
  const cut = (values) => values.slice(first, last + 1);
  const [low, high] = feature.range;
  const at = (k) => low + ((high - low) * k) / bins;
  const lines = SOURCES.filter((s) => shares[s]).map((s) => ({ name: s, values: cut(shares[s]), filled: s === "reference" }));
  const top = 1.05 * Math.max(...lines.flatMap((line) => line.values));
  const jsd = feature.jsd.generated ?? feature.jsd.oracle;
  const label = [node("b", {}, `${feature.rank} ${feature.kind}`), node("span", { class: "atoms" }, feature.label)];
  return figure(label, node("span", { title: JSD_SAID }, `JSD ${jsd.toFixed(3)}`),
    curveChart({ lines, low: at(first), high: at(last + 1), top, step: true, unit: feature.unit, digits: feature.kind === "length" ? 2 : 0,
      yTicks: [0, top / 1.05], yText: (value) => (value ? `${(100 * value).toFixed(value < 0.095 ? 1 : 0)} %` : "0") }));
}

function autocorrelationChart(torsion, framePs) {
  const lines = SOURCES.filter((s) => torsion.curves[s]).map((s) => ({ name: s, values: torsion.curves[s] }));
  if (!lines.length) return figure([node("span", { class: "atoms" }, torsion.label)], "constant");
  const length = Math.min(...lines.map((line) => line.values.length));
  lines.forEach((line) => { line.values = line.values.slice(0, length); });
  const times = torsion.times_ps;
  const say = ([ps, bound]) => (ps === null ? `over ${bound.toFixed(0)} ps` : `${ps.toFixed(0)} ps`);
  const value = torsion.said || (times ? `${say(times.generated)}, reference ${say(times.reference)}` : "");
  return figure([node("span", { class: "atoms" }, torsion.label)], value,
    curveChart({ lines, low: 0, high: (length - 1) * framePs, bottom: -0.25, top: 1, unit: "ps", digits: 0, threshold: Math.exp(-1), yTicks: [0, 1] }));
}

// Shares of a metastable state's frames that are in it again after a lag: foretold by the reference's model, and counted.
function stayingChart(state, lags) {
  const lines = ["foretold", ...SOURCES].filter((s) => state[s] && state[s].every((v) => v !== null)).map((s) => ({ name: s, values: [1, ...state[s]] }));
  return figure([node("span", { class: "atoms" }, `state with ${(100 * state.share).toFixed(0)} % of the frames`)], "",
    curveChart({ lines, low: 0, high: lags[lags.length - 1], top: 1, unit: "ps", digits: 0, yTicks: [0, 1] }));
}

// ---- free-energy maps -----------------------------------------------------------------------------------------------
const MAP_TOP = 7; // k_B T
const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]]; // viridis, in five steps

function rampColour(share) {
  const at = Math.max(0, Math.min(0.9999, share)) * (RAMP.length - 1);
  const k = Math.floor(at);
  return RAMP[k].map((channel, i) => Math.round(channel + (at - k) * (RAMP[k + 1][i] - channel)));
}

// -ln(p / largest p of all maps) of counts over a square grid, rows along the first component; null where nothing was.
function freeEnergies(maps) {
  const shares = Object.entries(maps).map(([source, counts]) => {
    const sum = counts.reduce((a, b) => a + b, 0) || 1;
    return [source, counts.map((c) => c / sum)];
  });
  const largest = Math.max(...shares.flatMap(([, values]) => values));
  return Object.fromEntries(shares.map(([source, values]) => [source, values.map((p) => (p > 0 ? -Math.log(p / largest) : null))]));
}

function mapCanvas(energies) {
  const size = Math.round(Math.sqrt(energies.length));
  const canvas = node("canvas", { width: size, height: size });
  const pen = canvas.getContext("2d");
  energies.forEach((energy, k) => {
    if (energy === null) return;
    pen.fillStyle = `rgb(${rampColour(1 - energy / MAP_TOP).join(",")})`;
    pen.fillRect(Math.floor(k / size), size - 1 - (k % size), 1, 1);
  });
  return canvas;
}

const MAP_NAMES = { reference: "Reference", generated: "Generated", oracle: "MD oracle" };

function mapCharts(maps, range, names = MAP_NAMES) {
  const energies = freeEnergies(maps);
  const charts = ["reference", "generated", "oracle"].filter((s) => energies[s]).map((s) => node("figure", { class: "chart", "data-source": s },
    node("figcaption", {}, names[s]), mapCanvas(energies[s]),
    node("div", { class: "axis" }, node("span", {}, range[0][0].toFixed(1)), node("span", {}, "TICA 0 →"), node("span", {}, range[0][1].toFixed(1))),
    node("div", { class: "axis" }, node("span", {}, `TICA 1 ↑ ${range[1][0].toFixed(1)} to ${range[1][1].toFixed(1)}`))));
  const bar = node("canvas", { width: 1, height: 100 });
  const pen = bar.getContext("2d");
  for (let k = 0; k < 100; k++) { pen.fillStyle = `rgb(${rampColour(k / 99).join(",")})`; pen.fillRect(0, k, 1, 1); }
  charts.push(node("div", { class: "scalebar" }, bar, node("div", {}, node("span", {}, `${MAP_TOP}`), node("span", {}, "0"))));
  return charts;
}
