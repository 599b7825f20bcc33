// The 3D view: a thin layer over Mol*'s public library (molstar.lib). Coordinates go in as Coordinates frames, so that
// moving to another frame is one state update, and no text format is parsed.
"use strict";

// Unpacked once, for however many views a page has.
let unpacking = null;
const unpackViewer = () => (unpacking = unpacking || unpackScript());

async function unpackScript() {
  const packed = atob(document.getElementById("viewer-script").textContent.trim());
  const bytes = Uint8Array.from(packed, (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const element = document.createElement("script");
  element.textContent = await new Response(stream).text();
  document.head.appendChild(element);
  return molstar.lib;
}

const STYLES = {
  ball: { sizeFactor: 0.2, sizeAspectRatio: 0.55, size: "physical", sizeParams: {} },
  stick: { sizeFactor: 0.16, sizeAspectRatio: 1, size: "uniform", sizeParams: { value: 1 } },
  space: { sizeFactor: 0.9, sizeAspectRatio: 0.2, size: "physical", sizeParams: {} },
};
const HIGHLIGHT = 0xf59e0b;
const FXAA = { edgeThresholdMin: 0.0312, edgeThresholdMax: 0.063, iterations: 12, subpixelQuality: 0.3 };
const GHOST_ALPHA = 0.16;

class MolView {
  static async create(container) {
    const lib = await unpackViewer();
    const view = new MolView();
    view.lib = lib;
    const { PluginContext, DefaultPluginSpec } = lib.plugin;
    const spec = DefaultPluginSpec();
    const unwanted = /focus|interactions|surface-area|sifts|secondary|cross-link|streamlines|snapshot|axis/;
    spec.behaviors = spec.behaviors.filter((b) => !unwanted.test(b.transformer.id));
    view.plugin = new PluginContext(spec);
    await view.plugin.init();
    const canvas = document.createElement("canvas");
    container.appendChild(canvas);
    if (!(await view.plugin.initViewerAsync(canvas, container))) throw new Error("WebGL is not available");
    view.plugin.canvas3d.setProps({
      transparentBackground: true,
      cameraFog: { name: "off", params: {} },
      camera: { manualReset: true, helper: { axes: { name: "off", params: {} } } },
      renderer: { ambientIntensity: 0.55, highlightColor: HIGHLIGHT, highlightStrength: 0.35, selectStrength: 0 },
    });
    view.setQuality(/swiftshader|llvmpipe|software|basic render/i.test(view.renderer()) ? "fast" : "fine");
    view.settings = { style: "ball", hydrogens: true };
    view.defineTransforms();
    return view;
  }

  renderer() {
    const { gl } = this.plugin.canvas3d.webgl;
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    return String(info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "");
  }

  // "fine": ambient occlusion and smooth edges; "fast": for machines that draw without a graphics card.
  setQuality(quality) {
    this.quality = quality;
    const fine = quality === "fine";
    const canvas = this.plugin.canvas3d;
    const off = { name: "off", params: {} };
    const now = canvas.props.postprocessing;
    canvas.setProps({
      multiSample: { ...canvas.props.multiSample, mode: fine ? "temporal" : "off" },
      marking: { ...canvas.props.marking, enabled: fine },
      postprocessing: fine ? now : { ...now, occlusion: off, bloom: off, antialiasing: { name: "fxaa", params: FXAA } },
    });
  }

  // Two state transforms of our own: a trajectory out of the frames in memory, for the player and for the ghosts.
  defineTransforms() {
    const { PluginStateTransform, PluginStateObject: SO } = this.lib.plugin;
    const { Coordinates, Model, Time } = this.lib.structure;
    const build = (name, frames) =>
      PluginStateTransform.BuiltIn({
        name, display: { name }, from: SO.Root, to: SO.Molecule.Trajectory,
      })({
        apply: () => {
          const coordinates = Coordinates.create(frames(), Time(1, "step"), Time(0, "step"));
          const trajectory = Model.trajectoryFromModelAndCoordinates(this.model, coordinates);
          // Bonds come from the input, never from distances: a stretched bond is drawn, and keeps its order.
          const bonds = this.model._dynamicPropertyData.index_pair_bonds;
          for (let t = 0; t < trajectory.frameCount; t++) trajectory.getFrameAtIndex(t)._dynamicPropertyData.index_pair_bonds = bonds;
          return new SO.Molecule.Trajectory(trajectory, { label: name });
        },
      });
    this.playedFrames = build("egi-frames", () => this.frames);
    this.ghostFrames = build("egi-ghost", () => this.ghostSubset);
  }

  async setMolecule(molblock, extent) {
    const { plugin } = this;
    await plugin.clear();
    this.player = this.structure = this.ghost = this.cell = this.mark = null;
    const data = await plugin.builders.data.rawData({ data: molblock + "\n$$$$\n", label: "molecule" });
    const parsed = await plugin.builders.structure.parseTrajectory(data, "sdf");
    this.model = parsed.cell.obj.data.representative;
    this.extent = extent;
    this.marked = null;
  }

  // positions: Float32Array [frames * atoms * 3], Å.
  async setFrames(positions, nAtoms) {
    const count = positions.length / (3 * nAtoms);
    this.frames = [];
    for (let t = 0; t < count; t++) {
      const [x, y, z] = [0, 1, 2].map((axis) => {
        const out = new Float32Array(nAtoms);
        for (let i = 0; i < nAtoms; i++) out[i] = positions[(t * nAtoms + i) * 3 + axis];
        return out;
      });
      const { Time } = this.lib.structure;
      this.frames.push({ elementCount: nAtoms, time: Time(t, "step"), x, y, z, xyzOrdering: { isIdentity: true } });
    }
    const { plugin, lib } = this;
    const T = lib.plugin.StateTransforms;
    const ghosts = this.ghostCount || 0;
    if (this.player) await plugin.build().delete(this.player.ref).commit().catch(() => {});
    await this.setGhosts(0);
    const build = plugin.build().toRoot().apply(this.playedFrames, {});
    this.player = build.selector;
    const model = build.apply(T.Model.ModelFromTrajectory, { modelIndex: 0 });
    this.modelCell = model.selector;
    this.structure = model.apply(T.Model.StructureFromModel, { type: { name: "model", params: {} } }).selector;
    await build.commit();
    await this.draw();
    if (ghosts) await this.setGhosts(ghosts);
  }

  representation(extra = {}) {
    const style = STYLES[this.settings.style];
    return {
      type: "ball-and-stick",
      typeParams: {
        sizeFactor: style.sizeFactor, sizeAspectRatio: style.sizeAspectRatio, quality: "high",
        ignoreHydrogens: !this.settings.hydrogens, ...extra,
      },
      color: "element-symbol",
      colorParams: { carbonColor: { name: "element-symbol", params: {} } },
      size: style.size, sizeParams: style.sizeParams,
    };
  }

  async draw() {
    const { plugin } = this;
    const add = plugin.builders.structure.representation;
    const old = this.cell;
    this.cell = await add.addRepresentation(this.structure, this.representation());
    if (old) await plugin.build().delete(old.ref).commit().catch(() => {});
    await this.highlight(this.marked);
  }

  async setStyle(settings) {
    Object.assign(this.settings, settings);
    if (!this.structure) return;
    await this.draw();
    if (this.ghostCount) await this.setGhosts(this.ghostCount);
  }

  // Frames spread evenly over the trajectory, drawn faintly behind the moving one.
  async setGhosts(count) {
    const { plugin } = this;
    if (this.ghost) await plugin.build().delete(this.ghost.ref).commit().catch(() => {});
    this.ghost = null;
    this.ghostCount = count;
    if (!count) return;
    const n = this.frames.length;
    const wanted = Math.min(count, n);
    const at = (k) => (wanted === 1 ? 0 : Math.round((k * (n - 1)) / (wanted - 1)));
    this.ghostSubset = Array.from({ length: wanted }, (_, k) => this.frames[at(k)]);
    const build = plugin.build().toRoot().apply(this.ghostFrames, {});
    this.ghost = build.selector;
    const all = build.apply(this.lib.plugin.StateTransforms.Model.StructureFromTrajectory, {}).selector;
    await build.commit();
    const faint = this.representation({ alpha: GHOST_ALPHA, ignoreHydrogens: true, sizeFactor: 0.07, sizeAspectRatio: 1 });
    await plugin.builders.structure.representation.addRepresentation(all, { ...faint, size: "uniform", sizeParams: { value: 1 } });
  }

  // Mark atoms (indices) with a glow; null for none.
  async highlight(atoms) {
    const { plugin } = this;
    this.marked = atoms;
    const old = this.mark;
    this.mark = null;
    if (old) await plugin.build().delete(old.ref).commit().catch(() => {});
    if (!atoms || !this.structure) return;
    const script = { language: "vmd", expression: `index ${atoms.map((i) => i + 1).join(" ")}` }; // 1-based for an SDF
    const build = plugin.build().to(this.structure)
      .apply(this.lib.plugin.StateTransforms.Model.StructureSelectionFromScript, { script, label: "marked" });
    this.mark = build.selector;
    await build.commit();
    const base = STYLES[this.settings.style];
    await plugin.builders.structure.representation.addRepresentation(this.mark, {
      ...this.representation({ alpha: 0.55, sizeFactor: base.sizeFactor * 1.45, ignoreHydrogens: false }),
      color: "uniform", colorParams: { value: HIGHLIGHT },
    });
  }

  async seek(frame) {
    await this.plugin.build().to(this.modelCell).update({ modelIndex: frame }).commit();
    this.frame = frame;
  }

  // Look along z at everything the trajectory reaches: extent is [x, y, z] in Å from the middle.
  resetCamera(durationMs = 0) {
    const [x, y, z] = this.extent.map((value) => value + 0.9);
    const canvas = this.plugin.canvas3d;
    const { width, height } = canvas.webgl.gl.canvas;
    const halfHeight = Math.max(y, (x * height) / width);
    const distance = z / 2 + halfHeight / Math.tan(canvas.camera.state.fov / 2);
    const radius = Math.hypot(x, y, z);
    const snapshot = { target: [0, 0, 0], position: [0, 0, distance], up: [0, 1, 0], radius, radiusMax: radius };
    canvas.requestCameraReset({ snapshot, durationMs });
  }

  // Indices of the atoms that are marked, and [x, y, z] of every atom as drawn: what a test can look at.
  markedAtoms() {
    return this.mark ? this.mark.obj.data.units.flatMap((unit) => Array.from(unit.elements)).sort((a, b) => a - b) : [];
  }

  drawnPositions() {
    const { x, y, z } = this.modelCell.obj.data.atomicConformation;
    return [Array.from(x), Array.from(y), Array.from(z)];
  }
}
