// Addresses of a molecule and frame (#molecule=NAME&sample=1&frame=13, counted from 1 as the page does), and keys.
"use strict";

// A page inside another one's frame has no address of its own that anybody could see.
const ADDRESSED = window === window.parent;

const Links = {
  // What the address asks for, null where it names nothing that is here.
  read() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const named = asked.get("molecule");
    const molecule = named === null ? 0 : DATA.molecules.findIndex((m) => m.name === named);
    if (!ADDRESSED || molecule < 0 || !["molecule", "sample", "frame"].some((key) => asked.has(key))) return null;
    const { samples } = DATA.molecules[molecule];
    const sample = Math.max(0, Math.min(samples.length, Math.trunc(+asked.get("sample")) || 1) - 1);
    const frame = Math.round(((Math.trunc(+asked.get("frame")) || 1) - 1) / DATA.stride);
    return { molecule, sample, frame: Math.max(0, Math.min(samples[sample].frames - 1, frame)) };
  },

  // The address of what is shown; a `step` is one that the browser's back button undoes.
  write(app, step = false) {
    if (!ADDRESSED) return;
    const asked = new URLSearchParams({ molecule: app.current.name, sample: app.sample + 1, frame: app.frame * DATA.stride + 1 });
    if (`#${asked}` === location.hash) return;
    try {
      history[step ? "pushState" : "replaceState"](null, "", `#${asked}`);
    } catch (error) {
      console.info(error.message); // a browser that counts such changes; the page works on
    }
  },

  // back, forward, and an address that was typed
  follow(app) {
    window.addEventListener("popstate", () => {
      const place = Links.read() || (location.hash ? null : { molecule: 0, sample: 0, frame: 0 });
      if (place) app.show(place);
    });
  },
};

const KEYS = [
  ["Space", "play or pause"], ["← →", "one frame back or on"], ["Shift + ← →", "ten frames"], ["Home, End", "first and last frame"],
  ["n, p", "next and previous molecule"], ["?", "these keys"], ["Esc", "close this"],
];

function wireKeys(app) {
  $("keys").replaceChildren(...KEYS.flatMap(([key, what]) => [node("dt", {}, ...key.split(", ").flatMap((k, i) => [i ? " " : "", node("kbd", {}, k)])), node("dd", {}, what)]));
  const help = () => ($("help").open ? $("help").close() : $("help").showModal());
  $("ask").addEventListener("click", help);
  $("close-help").addEventListener("click", help);
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  const ends = { Home: 0, End: Infinity };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input:not(#slider)")) return;
    if (event.key === "?") help();
    else if ($("help").open) return;
    else if (event.key === " ") {
      if (event.target.closest("button, summary, a")) return; // the key presses what has the focus
      app.toggle();
    } else if (event.key in steps) app.go(app.frame + steps[event.key] * (event.shiftKey ? 10 : 1));
    else if (event.key in ends) app.go(ends[event.key]);
    else if (event.key === "n" || event.key === "p") app.openMolecule(app.molecule + (event.key === "n" ? 1 : -1));
    else return;
    event.preventDefault();
  });
}
