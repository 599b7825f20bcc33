// The page of an evaluation: a headline, a table of molecules, and what there is to see of one of them.
"use strict";

const DATA = JSON.parse($("data").textContent);
const SHORT = {
  length: "length", angle: "angle", torsion: "torsion", tica_0: "TICA 0", tica_01: "TICA 0,1", msm: "MSM",
  within_factor_two: "times within ×2", vamp2_gap: "VAMP-2 gap", timescale_error: "timescales", density_divergence: "density", stereo_retention: "stereo", valid: "valid",
};

function dataTable(head, rows, caption = "") {
  return node("table", { class: "list" }, ...(caption ? [node("caption", {}, caption)] : []),
    node("thead", {}, node("tr", {}, ...head.map((h) => node("th", {}, h)))),
    node("tbody", {}, ...rows.map((row) => node("tr", {}, ...row.map((cell) => node("td", {}, cell))))));
}

const number = (value, digits = 3) => (value === null || value === undefined ? "–" : value.toFixed(digits));

const app = {
  molecule: 0, frame: 0, playing: false, fps: 20, views: {}, queue: Promise.resolve(),

  get current() { return DATA.molecules[this.molecule]; },

  then3d(change) {
    this.queue = this.queue.then(() => Promise.all(Object.entries(this.views).map(([side, view]) => change(view, side))))
      .catch((error) => console.error(error));
    return this.queue;
  },

  async start() {
    this.showHeadline();
    const some = DATA.molecules.length > 0;
    $("molecules-card").hidden = !some;
    if (some) this.showMolecules();
    if (DATA.kind === "conformers") this.showCoverage();
    else if (some && DATA.kind === "trajectories") {
      $("detail").hidden = false;
      $("molecule").replaceChildren(...DATA.molecules.map((m, k) => node("option", { value: k }, m.name)));
      this.wire();
      try {
        for (const side of ["reference", "generated"]) this.views[side] = await MolView.create($(`view-${side}`));
        this.linkCameras();
      } catch (error) {
        this.views = {};
        $("no3d").hidden = false;
        $("no3d").append(` (${error.message})`);
      }
      await this.setMolecule(0);
    }
    window.ready = true;
  },

  showHeadline() {
    const { columns, rows } = DATA.headline;
    $("headline").replaceChildren(node("table", { class: "list" },
      node("thead", {}, node("tr", {}, ...["", ...columns].map((c) => node("th", {}, c)))),
      node("tbody", {}, ...rows.map((row) => node("tr", { class: row.kind }, node("td", {}, row.label),
        ...row.cells.map(([text, interval]) => node("td", {}, text, ...(interval ? [node("small", {}, interval)] : []))))))));
    $("caption").textContent = DATA.caption;
    $("run").replaceChildren(factList(DATA.facts), ...(DATA.notes || []).map((note) => node("p", { class: "quiet" }, note)));
    $("failures-card").hidden = !DATA.failures.length;
    $("failures").replaceChildren(failureTable(DATA.failures));
    $("failure-count").textContent = DATA.failures.length;
  },

  showMolecules() {
    const trajectories = DATA.kind === "trajectories";
    const columns = trajectories ? Object.keys(SHORT) : Object.keys(DATA.molecules[0].values);
    const value = (m, column) => (trajectories ? (m.values.generated || m.values.oracle || {})[column] : m.values[column]);
    const beside = (m, column) => (trajectories && m.values.generated && m.values.oracle ? number(m.values.oracle[column]) : "");
    const row = (m, k) => node("tr", { "data-molecule": k, onclick: () => trajectories && this.setMolecule(k, true) },
      node("td", {}, trajectories ? node("button", { type: "button", class: "link" }, node("b", {}, m.name)) : node("b", {}, m.name)), node("td", { class: "mono" }, m.smiles),
      ...columns.map((c) => node("td", { title: beside(m, c) && "generated, and the held-out replica's in grey" }, number(value(m, c)), node("small", {}, beside(m, c)))));
    const body = node("tbody", {}, ...DATA.molecules.map(row));
    const sort = (column) => {
      this.descending = this.sorted === column ? !this.descending : true;
      this.sorted = column;
      const key = (tr) => { const v = value(DATA.molecules[+tr.dataset.molecule], column); return v ?? -1; };
      body.replaceChildren(...[...body.children].sort((a, b) => (this.descending ? 1 : -1) * (key(b) - key(a))));
    };
    $("molecules").replaceChildren(node("table", { class: "list" },
      node("thead", {}, node("tr", {}, node("th", {}, "Molecule"), node("th", {}, "SMILES"),
        ...columns.map((c) => node("th", { "data-column": c, onclick: () => sort(c) }, node("button", { type: "button", class: "link", title: "Sort" }, trajectories ? SHORT[c] : c))))), body));
    $("molecule-count").textContent = DATA.molecules.length;
  },

  showCoverage() {
    $("coverage-card").hidden = false;
    const top = 2 * Math.max(...DATA.deltas);
    const share = (sorted) => Array.from({ length: 101 }, (_, k) => sorted.filter((v) => v <= (k / 100) * top).length / (sorted.length || 1));
    $("coverage").replaceChildren(...DATA.molecules.map((m) => figure([node("b", {}, m.name)],
      `${m.n_generated} of ${m.n_reference} references`, curveChart({
        lines: [{ name: "reference", values: share(m.recall) }, { name: "generated", values: share(m.precision) }],
        low: 0, high: top, top: 1, unit: "Å", yTicks: [0, 1],
      }))));
  },

  // ---- one molecule ----
  async setMolecule(k, scroll = false) {
    this.molecule = k;
    this.pause();
    const m = this.current;
    $("molecule").value = k;
    $("name").textContent = m.name;
    $("formula").innerHTML = m.formula.replace(/(\d+)/g, "<sub>$1</sub>");
    $("smiles").textContent = m.smiles;
    $("notes").textContent = m.notes.join(" ");
    $("previous").disabled = k === 0;
    $("next").disabled = k === DATA.molecules.length - 1;
    document.querySelectorAll("[data-molecule]").forEach((row) => row.classList.toggle("on", +row.dataset.molecule === k));
    $("torsion-card").hidden = !m.torsion_map;
    $("torsion-map").innerHTML = m.torsion_map; // made by RDKit and this package, no user text in it
    $("features").replaceChildren(...m.features.map(featureChart));
    const itself = m.values.oracle && m.values.oracle.torsion;
    $("jsd-note").textContent = `${JSD_SAID}${itself == null ? "" : ` MD against itself, the ${DATA.oracle}, has ${itself.toFixed(3)} for this molecule's torsions.`}`;
    $("tica-card").hidden = !Object.keys(m.tica).length;
    $("tica").replaceChildren(...(Object.keys(m.tica).length ? mapCharts(m.tica, m.tica_range) : []));
    $("kinetics-card").hidden = !m.autocorrelations.torsions.length;
    $("autocorrelations").replaceChildren(...m.autocorrelations.torsions.map((t) => autocorrelationChart(t, m.autocorrelations.frame_ps)));
    const staying = m.staying.states || [];
    $("staying-card").hidden = !staying.length;
    $("staying").replaceChildren(...staying.map((state) => stayingChart(state, m.staying.lags_ps)));
    this.showNumbers(m);
    if (scroll) $("detail").scrollIntoView({ behavior: "smooth" });
    await this.load(m.players);
  },

  showNumbers(m) {
    const tables = [];
    const sources = Object.keys(m.checks);
    if (sources.length) {
      const names = Object.keys(m.checks[sources[0]]);
      tables.push(dataTable(["", ...names], sources.map((s) => [s, ...names.map((n) => number(m.checks[s][n], 4))]), "Frames that pass each check"));
    }
    if (m.timescales.lags_ps) {
      const rows = m.timescales.lags_ps.map((lag, i) => [`${lag.toFixed(1)} ps`,
        ...["generated", "reference"].map((side) => m.timescales[side][i].map((v) => number(v, 0)).join(", "))]);
      const side = m.values.generated ? "generated" : DATA.oracle;
      tables.push(dataTable(["MSM lag", `${side}, ps`, "reference, ps"], rows, "Implied timescales, the slowest three"));
    }
    for (const [source, energies] of Object.entries(m.energies)) {
      const said = { as_they_are: "Sage/OBC2", minimised: "Sage/OBC2, minimised", gfn2: "GFN2-xTB", gfn2_minimised: "GFN2-xTB, minimised", moved: "moved by minimising, Å" };
      const middle = (q) => `${q[2].toFixed(2)} (${q[0].toFixed(2)}–${q[4].toFixed(2)})`;
      const rows = Object.keys(said).filter((n) => energies[n]).map((n) => [said[n], middle(energies[n].generated), middle(energies[n].reference)]);
      tables.push(dataTable(["", source, "reference"], rows, "Energy, kcal/mol above the lowest minimised reference frame: median (5–95 %)"));
    }
    $("numbers-card").hidden = !tables.length;
    $("numbers").replaceChildren(...tables.map((table) => node("div", { class: "scroll", tabindex: 0 }, table)));
  },

  // ---- both players, in step ----
  load(players) {
    this.players = players;
    this.frames = Math.min(...Object.values(players.sides).map((s) => s.frames));
    for (const side of ["reference", "generated"]) $(`view-${side}`).parentElement.hidden = !players.sides[side];
    $("slider").max = this.frames - 1;
    this.then3d(async (view, side) => {
      const packed = players.sides[side];
      if (!packed) return;
      await view.setMolecule(players.molblock, players.extent);
      await view.setFrames(Float32Array.from(decodeInt16(packed.xyz), (v) => v * players.step), players.atoms);
      view.plugin.handleResize();
      view.resetCamera();
    });
    return this.seek(0);
  },

  seek(frame) {
    this.frame = Math.max(0, Math.min(this.frames - 1, frame));
    const spacing = this.players.frame_ps;
    $("slider").value = this.frame;
    $("slider").style.setProperty("--done", `${(100 * this.frame) / Math.max(1, this.frames - 1)}%`);
    $("time").textContent = timeText(this.frame * spacing);
    $("of").textContent = `of ${timeText((this.frames - 1) * spacing)}`;
    if (this.seeking) return this.queue; // the views are behind: the last frame asked for is drawn when they are free
    this.seeking = true;
    return this.then3d((view, side) => { this.seeking = false; return this.players.sides[side] && view.structure && view.seek(this.frame); });
  },

  // Turning one view turns the other.
  linkCameras() {
    const pairs = [["reference", "generated"], ["generated", "reference"]];
    for (const [from, to] of pairs) {
      $(`view-${from}`).addEventListener("pointerenter", () => { this.leading = from; });
      $(`view-${from}`).addEventListener("wheel", () => { this.leading = from; }, { passive: true });
      this.views[from].plugin.canvas3d.didDraw.subscribe(() => {
        if (this.leading !== from) return;
        const snapshot = this.views[from].plugin.canvas3d.camera.getSnapshot();
        this.views[to].plugin.canvas3d.requestCameraReset({ snapshot, durationMs: 0 });
      });
    }
  },

  play() {
    if (this.frames < 2) return;
    this.playing = true;
    $("play").classList.add("playing");
    $("play").setAttribute("aria-label", "Pause");
    let [last, owed] = [performance.now(), 0];
    const run = (this.run = {});
    const tick = (now) => {
      if (!this.playing || this.run !== run) return;
      owed += ((now - last) * this.fps) / 1000;
      last = now;
      if (owed >= 1 && !this.seeking) {
        const steps = Math.min(Math.floor(owed), 7); // slow machines skip frames, not time
        owed = Math.min(owed - Math.floor(owed), 1);
        this.seek((this.frame + steps) % this.frames);
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  },

  pause() {
    this.playing = false;
    $("play").classList.remove("playing");
    $("play").setAttribute("aria-label", "Play");
  },

  wire() {
    const toggle = () => (this.playing ? this.pause() : this.play());
    $("play").addEventListener("click", toggle);
    $("slider").addEventListener("input", (event) => { this.pause(); this.seek(+event.target.value); });
    $("molecule").addEventListener("change", (event) => this.setMolecule(+event.target.value));
    $("previous").addEventListener("click", () => this.setMolecule(this.molecule - 1));
    $("next").addEventListener("click", () => this.setMolecule(this.molecule + 1));
    $("hydrogens").addEventListener("click", (event) => {
      const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
      event.currentTarget.setAttribute("aria-pressed", String(on));
      this.then3d((view) => view.setStyle({ hydrogens: on }));
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.closest("button, select, summary, a")) return;
      toggle();
      event.preventDefault();
    });
    document.addEventListener("click", (event) => event.detail && event.target.closest("button") && document.activeElement.blur());
  },
};

app.start();
