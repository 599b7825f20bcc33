// The page of `egi compare`: a headline, a table of molecules, and what there is to see of one of them.
"use strict";

const DATA = JSON.parse($("data").textContent);
const digits = (value, count = 3) => (value === null || value === undefined ? "–" : value.toFixed(count));
const WELL_COLUMNS = [["label", "torsion"], ["wells", "wells"], ["a", "A, %"], ["b", "B, %"], ["time_a", "A, ps"], ["time_b", "B, ps"], ["jsd", "JSD"]];

function table(head, rows) {
  return node("table", { class: "list" }, node("thead", {}, node("tr", {}, ...head.map((h) => node("th", {}, h)))),
    node("tbody", {}, ...rows.map((row) => node("tr", {}, ...row.map((cell) => node("td", {}, cell))))));
}

const app = {
  start() {
    for (const [side, label] of Object.entries(DATA.labels)) $(`label-${side}`).textContent = label;
    const { columns, rows } = DATA.headline;
    $("headline").replaceChildren(table(["", ...columns], rows.map((row) => [row.label,
      ...row.cells.map(([text, interval]) => node("span", {}, text, ...(interval ? [node("small", {}, interval)] : [])))])));
    $("caption").textContent = DATA.caption;
    $("run").replaceChildren(factList(DATA.facts));
    $("failures-card").hidden = !DATA.failures.length;
    $("failures").replaceChildren(failureTable(DATA.failures));
    $("failure-count").textContent = DATA.failures.length;
    $("molecules-card").hidden = DATA.molecules.length < 2;
    $("molecule-count").textContent = DATA.molecules.length;
    $("molecules").replaceChildren(table(["Molecule", "SMILES", "length", "angle", "torsion", "TICA 0", "TICA 0,1", "largest shift of a population", "times within ×2, of those measured"],
      DATA.molecules.map((m, k) => [node("button", { type: "button", class: "toggle", onclick: () => this.show(k, true) }, m.name), node("span", { class: "mono" }, m.smiles),
        ...["length", "angle", "torsion", "tica_0", "tica_01"].map((name) => digits(m.values[name])), digits(m.shift, 2), m.times])));
    if (DATA.molecules.length) this.show(0);
    window.ready = true;
  },

  show(k, scroll = false) {
    const m = DATA.molecules[k];
    $("detail").hidden = false;
    $("name").textContent = m.name;
    $("formula").innerHTML = m.formula.replace(/(\d+)/g, "<sub>$1</sub>"); // letters and digits of a formula
    $("smiles").textContent = m.smiles;
    $("notes").textContent = m.notes.join(" ");
    document.querySelectorAll("#molecules button").forEach((button, j) => button.setAttribute("aria-pressed", String(j === k)));
    $("sides").replaceChildren(table(["", "trajectories", "frames", "spacing, ps", "stereo kept", "valid"],
      m.sides.map(([side, trajectories, frames, spacing, stereo, valid]) => [side, String(trajectories), String(frames), String(spacing), digits(stereo), digits(valid)])));
    $("wells-card").hidden = !m.torsions.length;
    $("wells").replaceChildren(table(WELL_COLUMNS.map(([, head]) => head), m.torsions.map((row) => WELL_COLUMNS.map(([key]) => row[key].replaceAll(" | ", "\n")))));
    $("jsd-note").textContent = JSD_SAID;
    $("features").replaceChildren(...m.features.map(featureChart));
    const maps = Object.keys(m.tica).length > 0;
    $("tica-card").hidden = !maps;
    $("tica").replaceChildren(...(maps ? mapCharts(m.tica, m.tica_range, { reference: "A", generated: "B" }) : []));
    $("kinetics-card").hidden = !m.autocorrelations.length;
    $("autocorrelations").replaceChildren(...m.autocorrelations.map((t) => autocorrelationChart(t, m.frame_ps)));
    if (scroll) $("detail").scrollIntoView({ behavior: "smooth" });
  },
};

app.start();
