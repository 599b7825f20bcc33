// The page of `egi serve`: asks for molecules, follows the jobs, and shows reports in a frame that can do nothing else.
"use strict";

const $ = (id) => document.getElementById(id);
const state = { results: [], shown: null, done: new Set(), first: true, mine: new Set(), refused: "" };

history.replaceState(null, "", "/"); // the token is a cookie now

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

async function post(address, body = {}) {
  const headers = { "content-type": "application/json" };
  try {
    const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
    return await answer.json();
  } catch {
    return { error: "The server does not answer; is 'egi serve' still running?" };
  }
}

// The molecule, drawn while it is typed.
let looking = 0;
let timer = null;

function themed(svg) {
  return svg.replaceAll("currentColor", getComputedStyle(document.body).color);
}

async function look() {
  const smiles = $("smiles").value.trim();
  const turn = ++looking;
  const found = smiles ? await post("/api/look", { smiles, largest_fragment: $("fragment").checked }) : {};
  if (turn !== looking) return; // a later one is on its way
  $("error").textContent = found.error || state.refused;
  $("smiles").setAttribute("aria-invalid", String(Boolean(found.error)));
  $("drawing").hidden = !found.svg;
  $("facts").textContent = found.svg ? `${found.formula}, ${found.heavy} heavy atoms of ${found.atoms}` : "";
  if (found.svg) {
    $("drawing").src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(themed(found.svg))}`;
    $("drawing").alt = `Structure of ${smiles}`;
  }
}

function lookSoon() {
  state.refused = "";
  clearTimeout(timer);
  timer = setTimeout(look, 300);
}

$("smiles").addEventListener("input", lookSoon);
$("fragment").addEventListener("change", look);

// The drawing pad, where its package is installed: a page of another origin that tells what is drawn.
const pad = $("draw").dataset.pad;
$("draw").hidden = !pad;
$("draw").addEventListener("click", () => {
  const open = $("pad").hidden;
  $("pad").hidden = !open;
  $("draw").setAttribute("aria-expanded", String(open));
  if (open) {
    const address = `${pad}#${encodeURIComponent($("smiles").value.trim())}`;
    $("pad").replaceChildren(element("iframe", { src: address, title: "Drawing pad (JSME)" }));
  } else {
    $("pad").replaceChildren();
  }
});
window.addEventListener("message", (event) => {
  const frame = $("pad").querySelector("iframe");
  if (!frame || event.source !== frame.contentWindow || event.origin !== new URL(pad).origin) return;
  if (typeof event.data.smiles !== "string") return;
  $("smiles").value = event.data.smiles;
  lookSoon();
});

// A new job.
$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const number = (id) => ($(id).value === "" ? null : Number($(id).value));
  $("go").disabled = true;
  const made = await post("/api/jobs", {
    smiles: $("smiles").value,
    frames: number("frames"),
    samples: number("samples"),
    seed: number("seed"),
    model: $("model").value,
    strength: number("strength"),
    clock: $("clock").value,
    frame_ps: number("spacing"),
    thermalise_ps: number("thermalise"),
    solvent: $("solvent").value,
    temperature_K: number("temperature"),
    largest_fragment: $("fragment").checked,
    force: $("force").checked,
  });
  $("go").disabled = false;
  $("error").textContent = state.refused = made.error || "";
  if (made.id) state.mine.add(made.id);
});

// Jobs, as the server tells of them.
function left(job) {
  if (job.phase !== "generating" || job.share < 0.02) return "";
  return `, about ${Math.ceil(job.seconds * (1 / job.share - 1))} s left`;
}

function words(job) {
  if (job.state === "running") return `${job.phase} ${Math.round(100 * job.share)} %, ${Math.round(job.seconds)} s${left(job)}`;
  return job.state + (job.seconds ? ` after ${job.seconds} s` : "");
}

function jobItem(job) {
  const item = element("li", { id: `job-${job.id}` });
  item.append(element("div", { className: "row" }, element("span"), element("span")), element("p"), element("p"));
  return item;
}

function fill(item, job) {
  const [row, said, reason] = item.children;
  const [name, buttons] = row.children;
  item.dataset.state = job.state;
  name.textContent = `${job.name}: ${job.samples} × ${job.frames} frames`;
  said.className = "quiet";
  said.textContent = words(job);
  reason.className = "bad";
  reason.textContent = job.reason || "";
  const active = job.state === "running" || job.state === "waiting";
  if (active && !buttons.firstChild) {
    const cancel = element("button", { type: "button", className: "small", textContent: "Cancel" });
    cancel.setAttribute("aria-label", `Cancel ${job.name}`);
    cancel.addEventListener("click", () => post(`/api/jobs/${job.id}/cancel`));
    buttons.append(cancel);
  }
  if (!active) buttons.replaceChildren();
  let bar = item.querySelector("progress");
  if (job.state === "running") {
    if (!bar) said.before((bar = element("progress", { max: 1 })));
    bar.setAttribute("aria-label", `Progress of ${job.name}`);
    bar.value = job.share;
  } else if (bar) {
    bar.remove();
  }
}

async function told(news) {
  const where = news.device === "cuda" ? " on the graphics card" : "";
  $("worker").textContent = news.ready ? `Ready${where}` : "Loading the models …";
  const offered = [...$("model").options].map((option) => option.textContent);
  if (news.ready && offered.join() !== news.models.join()) {
    $("model").replaceChildren(...news.models.map((name) => element("option", { textContent: name })));
  }
  $("thermalise").disabled = Boolean(news.thermalise);
  $("no-md").textContent = news.thermalise || "";
  $("no-jobs").hidden = news.jobs.length > 0;
  const known = new Map([...$("jobs").children].map((item) => [item.id, item]));
  $("jobs").replaceChildren(...news.jobs.map((job) => known.get(`job-${job.id}`) || jobItem(job)));
  let finished = null;
  news.jobs.forEach((job, k) => {
    fill($("jobs").children[k], job);
    if (job.result && !state.done.has(job.id)) {
      state.done.add(job.id);
      if (state.mine.has(job.id)) finished = finished || job.result;
      else state.first = true;
    }
  });
  if (state.first || finished) await list();
  state.first = false;
  if (finished) show(finished);
}

// The list keeps its items where a job goes on, so that the focus stays on its button.
function follow() {
  const source = new EventSource("/api/events");
  let before = null;
  source.addEventListener("message", (event) => {
    const news = JSON.parse(event.data);
    const same = before && before.jobs.map((job) => job.id).join() === news.jobs.map((job) => job.id).join();
    const quiet = same && news.jobs.every((job, k) => job.state === before.jobs[k].state) && news.ready === before.ready;
    before = news;
    if (quiet) news.jobs.forEach((job, k) => fill($("jobs").children[k], job));
    else told(news);
  });
  source.addEventListener("error", () => ($("worker").textContent = "No connection; is 'egi serve' still running?"));
}

// Results.
const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

async function list() {
  const answer = await fetch("/api/results");
  if (!answer.ok) return;
  state.results = await answer.json();
  $("count").textContent = state.results.length || "";
  $("no-results").hidden = state.results.length > 0;
  $("results").replaceChildren(...state.results.map((result) => {
    const button = element("button", { type: "button", className: "link", textContent: result.name || result.folder });
    button.dataset.result = result.id;
    button.addEventListener("click", () => show(result.id));
    return element("li", {}, button, element("p", { className: "quiet", textContent: facts(result) }));
  }));
  mark();
}

function facts(result) {
  const made = new Date(result.made).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const more = result.molecules > 1 ? `, and ${result.molecules - 1} more molecule${result.molecules > 2 ? "s" : ""}` : "";
  const seed = result.seed === null ? "" : `, seed ${result.seed}`;
  return `${result.samples} × ${result.n_frames} frames by ${result.model}${seed}${more}; ${made}`;
}

function mark() {
  for (const button of $("results").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.result === state.shown));
  }
}

function show(id) {
  const result = state.results.find((each) => each.id === id);
  if (!result) return;
  state.shown = id;
  mark();
  $("nothing").hidden = true;
  $("about").hidden = $("report").hidden = false;
  $("shown-title").textContent = result.name || result.folder;
  $("shown-facts").textContent = `${result.smiles}; ${facts(result)}; kept as ${result.folder}`;
  $("shown-reason").textContent = result.reason || result.warnings;
  $("alone").href = $("report").src = `/results/${id}/report`;
  $("report").title = `Report of ${result.name || result.folder}`;
  $("zip").href = `/results/${id}/zip`;
  $("files").replaceChildren(...result.files.map((file, number) => element("li", {},
    element("a", { href: `/results/${id}/files/${number}`, textContent: file.name, download: "" }), ` ${size(file.bytes)}`)));
  if (innerWidth < 980) $("shown").scrollIntoView();
}

follow();
