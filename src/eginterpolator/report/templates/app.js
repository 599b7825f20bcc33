// The page: one state (molecule, sample, frame, torsion), one clock, and everything that follows them.
"use strict";

const DATA = JSON.parse($("data").textContent);

const app = {
  molecule: 0, sample: 0, frame: 0, torsion: null, playing: false, fps: 20, view: null, queue: Promise.resolve(),

  // The 3D view works asynchronously: its changes are done one after another.
  then3d(change) {
    this.queue = this.queue.then(() => this.view && change(this.view)).catch((error) => console.error(error));
    return this.queue;
  },

  get current() { return DATA.molecules[this.molecule]; },
  get currentSample() { return this.current.samples[this.sample]; },

  async start() {
    this.drawing = new Drawing($("drawing"), (k) => this.pickTorsion(k));
    this.torsionPanel = new TorsionPanel($("torsions"), {
      onPick: (k) => this.pickTorsion(k), onSeek: (frame) => this.go(frame), said: (k) => this.said(k),
    });
    this.energyPanel = new EnergyPanel((frame) => this.go(frame), (label) => ({ ...this.place(`energy_${label}`), heading: `${label} · ${this.place().heading}` }));
    this.showRun();
    if (!DATA.molecules.length) { document.body.classList.add("empty"); window.ready = true; return; }
    this.wire();
    try {
      this.view = await MolView.create($("viewport"));
      this.view.plugin.behaviors.interaction.hover.subscribe((event) => this.showAtom(event.current.loci));
    } catch (error) {
      $("loading").remove();
      $("no3d").hidden = false;
      $("no3d").append(` (${error.message})`);
    }
    const asked = Links.read();
    await this.show(asked || { molecule: 0, sample: 0, frame: 0 });
    Links.follow(this);
    $("viewport").classList.add("ready");
    window.ready = true;
    // A page of its own starts to move by itself; one inside a notebook, at an address, of an ensemble, or for who wants
    // no motion, waits.
    if (ADDRESSED && !asked && !this.current.ensemble && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.play();
  },

  // ---- what is shown ----
  async show({ molecule, sample, frame }) {
    this.pause();
    this.frame = frame;
    if (molecule !== this.molecule || !this.shown) return this.setMolecule(molecule, sample);
    return sample === this.sample ? this.seek(frame) : this.setSample(sample);
  },

  async setMolecule(k, sample = 0) {
    this.molecule = k;
    this.torsion = null;
    this.shown = true;
    const molecule = this.current;
    document.body.classList.toggle("ensemble", molecule.ensemble);
    $("warnings").hidden = !molecule.warnings.length;
    $("warnings").replaceChildren(...molecule.warnings.map((text) => node("li", {}, text)));
    $("name").textContent = molecule.name;
    $("formula").innerHTML = molecule.formula.replace(/(\d+)/g, "<sub>$1</sub>");
    $("smiles").textContent = molecule.smiles;
    $("tiles").replaceChildren(...molecule.headline.map(([label, value]) => node("div", { class: "tile" }, node("b", {}, value), node("span", {}, label))));
    $("molecule").value = k;
    document.querySelectorAll("[data-molecule]").forEach((row) => row.classList.toggle("on", +row.dataset.molecule === k));
    this.drawing.setMolecule(molecule);
    this.torsionPanel.setMolecule(molecule);
    $("torsion-count").textContent = molecule.torsions.length;
    $("legend-reference").hidden = $("jsd-note").hidden = !molecule.torsions.some((t) => t.reference);
    $("angles-csv").hidden = !molecule.torsions.length;
    const [one, many] = molecule.ensemble ? ["structure", "structures"] : ["frame", "frames"];
    $("ghosts").textContent = `Superposed ${many}`;
    $("ghosts").title = `Draw 30 ${many} behind the one that is shown`;
    $("frame-sdf").textContent = `SDF of this ${one}`;
    $("legend-sample").textContent = molecule.ensemble ? "structures" : "this sample";
    $("legend-all").parentElement.hidden = molecule.ensemble;
    $("legend-frames").textContent = `all ${many}`;
    if (molecule.ensemble && this.fps === 20) $("speed").value = this.fps = 2;
    this.showStates(molecule);
    const pick = (atoms, row) => this.pickAtoms(atoms, row);
    $("bonds").replaceChildren(geometryTable(molecule.bonds, { unit: "Å", digits: 3, onPick: pick }));
    $("angles").replaceChildren(geometryTable(molecule.angles, { unit: "°", digits: 1, onPick: pick }));
    $("run").replaceChildren(factList([...molecule.facts, ...DATA.facts.filter(([label]) => !molecule.facts.some(([l]) => l === label))]));
    $("sample").replaceChildren(...molecule.samples.map((_, s) => node("option", { value: s }, `Sample ${s + 1} of ${molecule.samples.length}`)));
    this.then3d((view) => view.setMolecule(molecule.molblock, molecule.extent));
    await this.setSample(sample);
    await this.then3d((view) => view.resetCamera());
  },

  async setSample(s) {
    this.sample = s;
    const sample = this.currentSample;
    $("sample").value = s;
    $("samples").hidden = this.current.samples.length < 2;
    $("previous").disabled = s === 0;
    $("next").disabled = s === this.current.samples.length - 1;
    $("slider").max = sample.frames - 1;
    $("sample-facts").replaceChildren(...sample.facts.map(([label, value]) => node("span", {}, node("em", {}, label), " ", value)));
    const broken = sample.broken ? [`${sample.broken} frames of this sample have no finite coordinates; they repeat the frame before.`] : [];
    $("warning").textContent = broken.join(" ");
    const angles = anglesOf(this.current, sample);
    this.states = Uint8Array.from(atob(sample.states), (c) => c.charCodeAt(0));
    this.torsionPanel.setSample(angles, sample.frame_ps, this.states);
    this.energyPanel.setSample(sample);
    this.frame = Math.min(this.frame, sample.frames - 1);
    const positions = positionsOf(sample);
    const atoms = this.current.symbols.length; // by the time the view is free, another molecule may be the current one
    this.then3d((view) => view.setFrames(positions, atoms));
    await this.seek(this.frame);
  },

  seek(frame) {
    const { frames, frame_ps: spacing } = this.currentSample;
    this.frame = Math.max(0, Math.min(frames - 1, frame));
    $("slider").value = this.frame;
    $("slider").style.setProperty("--done", `${(100 * this.frame) / Math.max(1, frames - 1)}%`);
    const { ensemble } = this.current;
    $("time").textContent = ensemble ? `structure ${this.frame * DATA.stride + 1}` : timeText(this.frame * spacing);
    $("of").textContent = ensemble ? `of ${(frames - 1) * DATA.stride + 1}` : `of ${timeText((frames - 1) * spacing)}`;
    $("frame").textContent = ensemble ? "" : `frame ${this.frame * DATA.stride + 1}`;
    $("slider").setAttribute("aria-valuetext", `${$("time").textContent} ${$("of").textContent}`);
    this.torsionPanel.setFrame(this.frame);
    this.energyPanel.setFrame(this.frame);
    this.conformers.setFrame(this.frame);
    this.stateTable && this.stateTable.mark(this.states[this.frame]);
    if (this.seeking) return this.queue; // the view is behind: the last frame asked for is drawn when it is free
    this.seeking = true;
    return this.then3d((view) => { this.seeking = false; return view.structure && view.seek(this.frame); });
  },

  // A frame that somebody chose: the page stops there, and its address says so.
  go(frame) {
    this.pause();
    const drawn = this.seek(frame);
    Links.write(this);
    return drawn;
  },

  openMolecule(k) {
    if (k < 0 || k >= DATA.molecules.length || k === this.molecule) return;
    this.show({ molecule: k, sample: 0, frame: 0 });
    Links.write(this, true);
    window.scrollTo({ top: 0, behavior: "smooth" });
  },

  openSample(s) {
    if (s < 0 || s >= this.current.samples.length) return;
    this.setSample(s);
    Links.write(this, true);
  },

  // ---- files ----
  place(what = "") {
    const sample = this.current.ensemble ? "" : `sample ${this.sample + 1}`;
    return { heading: [this.current.name, sample].filter(Boolean).join(" · "), name: [this.current.name, sample.replace(" ", ""), what].filter(Boolean).join("_") };
  },

  said(k) {
    const { heading, name } = this.place(`torsion${k + 1}`);
    return { heading: `Torsion ${k + 1}, ${this.current.torsions[k].label} · ${heading}`, name };
  },

  wireFiles() {
    const sdf = "chemical/x-mdl-sdfile";
    const representatives = (key, kind) => save(`${this.current.name}_${key}.sdf`, representativeRecords(this.current, this.current[key].rows, kind), sdf);
    $("frame-sdf").addEventListener("click", () => save(`${this.place(`frame${this.frame * DATA.stride + 1}`).name}.sdf`, frameRecord(this.current, this.sample, this.frame), sdf));
    $("states-sdf").addEventListener("click", () => representatives("states", "state"));
    $("clusters-sdf").addEventListener("click", () => representatives("clusters", "cluster"));
    $("angles-csv").addEventListener("click", () => save(`${this.current.name}_torsions.csv`, torsionCsv(this.current), "text/csv"));
  },

  // ---- linking ----
  showStates(molecule) {
    const jump = (row) => { this.show({ molecule: this.molecule, sample: row.sample, frame: row.frame }); Links.write(this, true); $("stage").scrollIntoView({ block: "nearest", behavior: "smooth" }); };
    const { states, clusters } = molecule;
    this.conformers ||= new ConformerPanel(jump);
    this.conformers.setMolecule(molecule);
    $("states-card").hidden = !states;
    this.stateTable = states && new FrameTable(states.rows, { head: "State", coloured: true, onJump: jump });
    if (states) {
      $("state-count").textContent = states.rows.filter((row) => "frame" in row).length;
      $("states-note").textContent = `${states.note} Intervals are 95 %, from ${states.groups}.`;
      $("states").replaceChildren(this.stateTable.table);
    }
    $("clusters-card").hidden = !clusters.rows.length;
    $("cluster-count").textContent = clusters.rows.length;
    $("clusters-note").textContent = clusters.note;
    $("clusters").replaceChildren(new FrameTable(clusters.rows, { head: "Cluster", ensemble: molecule.ensemble, onJump: jump }).table);
  },

  pickTorsion(k) {
    this.torsion = this.torsion === k ? null : k;
    const atoms = this.torsion === null ? null : this.current.torsions[k].atoms;
    this.torsionPanel.select(this.torsion);
    this.mark(atoms);
  },

  pickAtoms(atoms, row) {
    const again = row.classList.contains("on");
    this.torsion = null;
    this.torsionPanel.select(null);
    this.mark(again ? null : atoms);
    if (!again) row.classList.add("on");
  },

  mark(atoms) {
    document.querySelectorAll(".geometry tr.on").forEach((row) => row.classList.remove("on"));
    this.drawing.highlight(atoms, this.torsion);
    this.then3d((view) => view.highlight(atoms));
  },

  showAtom(loci) {
    const element = loci.kind === "element-loci" && loci.elements[0];
    if (!element) { $("hover").textContent = ""; return; }
    // Mol* keeps a set of indices as a sorted array, or as an interval packed into the bits of one number.
    const set = element.indices;
    const first = typeof set === "number" ? new Int32Array(Float64Array.of(set).buffer)[0] : set[0];
    const atom = element.unit.elements[first];
    $("hover").textContent = `${this.current.symbols[atom]}${atom + 1}`;
  },

  // ---- playing ----
  play() {
    if (this.currentSample.frames < 2) return;
    this.playing = true;
    if (this.frame >= this.currentSample.frames - 1) this.seek(0);
    $("play").classList.add("playing");
    $("play").setAttribute("aria-label", "Pause");
    const began = performance.now();
    let [last, owed, ticks] = [began, 0, 0];
    const run = (this.run = {});
    const tick = (now) => {
      if (!this.playing || this.run !== run) return;
      owed += ((now - last) * this.fps) / 1000;
      ticks++;
      if (now - began > 2000 && this.view && this.view.quality === "fine" && (1000 * ticks) / (now - began) < 12) this.view.setQuality("fast");
      last = now;
      if (owed >= 1 && !this.seeking) {
        const steps = Math.min(Math.floor(owed), Math.max(1, Math.ceil(this.fps / 3))); // slow machines skip frames, not time
        owed = Math.min(owed - Math.floor(owed), 1);
        this.seek((this.frame + steps) % this.currentSample.frames);
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  },

  pause() {
    if (this.playing && window.ready) Links.write(this);
    this.playing = false;
    $("play").classList.remove("playing");
    $("play").setAttribute("aria-label", "Play");
  },

  toggle() { this.playing ? this.pause() : this.play(); },

  // ---- controls ----
  showRun() {
    $("failures-card").hidden = !DATA.failures.length;
    if (DATA.failures.length) {
      $("failures").replaceChildren(failureTable(DATA.failures));
      $("failure-count").textContent = DATA.failures.length;
      const [first] = DATA.failures;
      const count = DATA.failures.length > 1 ? `${DATA.failures.length} molecules failed, listed below. The first: ` : "One molecule failed: ";
      $("failed").replaceChildren(node("a", { href: "#failures-card", onclick: (event) => { event.preventDefault(); $("failures-card").scrollIntoView({ behavior: "smooth" }); } },
        count, `${first.name || first.smiles || "?"}: ${first.reason || ""}`));
      $("failed").hidden = false;
    }
    const several = DATA.molecules.length > 1;
    $("molecules-card").hidden = !several;
    $("title").hidden = DATA.molecules.length === 1 && DATA.molecules[0].name === DATA.title;
    $("pick-molecule").hidden = !several;
    if (several) {
      const open = (k) => this.openMolecule(k);
      $("molecules").replaceChildren(moleculeTable(DATA.molecules, open));
      $("molecule-count").textContent = DATA.molecules.length;
      $("molecule").replaceChildren(...DATA.molecules.map((m, k) => node("option", { value: k }, m.name)));
      $("molecule").addEventListener("change", (event) => open(+event.target.value));
    }
    if (DATA.stride > 1) $("stride").textContent = `To keep the file small, one frame in ${DATA.stride} is shown; statistics use all of them.`;
  },

  wire() {
    $("play").addEventListener("click", () => this.toggle());
    $("slider").addEventListener("input", (event) => this.go(+event.target.value));
    $("speed").addEventListener("change", (event) => { this.fps = +event.target.value; });
    $("sample").addEventListener("change", (event) => this.openSample(+event.target.value));
    $("previous").addEventListener("click", () => this.openSample(this.sample - 1));
    $("next").addEventListener("click", () => this.openSample(this.sample + 1));
    $("reset").addEventListener("click", () => this.then3d((view) => view.resetCamera(250)));
    $("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : $("stage").requestFullscreen()));
    $("copy").addEventListener("click", () => navigator.clipboard && navigator.clipboard.writeText(this.current.smiles));
    document.querySelectorAll("#style button").forEach((button) => button.addEventListener("click", () => {
      document.querySelectorAll("#style button").forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
      this.then3d((view) => view.setStyle({ style: button.value }));
    }));
    const toggle = (id, change) => $(id).addEventListener("click", (event) => {
      const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
      event.currentTarget.setAttribute("aria-pressed", String(on));
      change(on);
    });
    toggle("hydrogens", (on) => this.then3d((view) => view.setStyle({ hydrogens: on })));
    toggle("ghosts", (on) => this.then3d((view) => view.setGhosts(on ? 30 : 0)));
    toggle("colours", (on) => this.torsionPanel.colourByState(on));
    toggle("numbers", (on) => $("drawing").classList.toggle("numbered", on));
    document.querySelectorAll("#geometry-tabs button").forEach((button) => button.addEventListener("click", () => {
      document.querySelectorAll("#geometry-tabs button").forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
      for (const id of ["bonds", "angles"]) $(id).hidden = id !== button.value;
    }));
    wireKeys(this);
    this.wireFiles();
    document.addEventListener("click", (event) => event.detail && event.target.closest("button") && document.activeElement.blur());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.torsionPanel.redraw(); this.energyPanel.redraw(); });
  },
};

app.start();
