// Plots over the frames of a sample: a torsion with its histogram beside it on the same angle axis, and energies. They
// are drawn with a pen, a canvas' or an SvgPen (downloads.js), themed by CSS variables.
"use strict";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function timeText(ps) {
  return ps >= 1000 ? `${(ps / 1000).toFixed(3)} ns` : `${ps.toFixed(1)} ps`;
}

// A round step that cuts `span` into about `pieces`.
function roundStep(span, pieces) {
  const raw = span / pieces;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= raw * 0.999);
}

// The x axis is time, or the number of the structure where `framePs` is 0; a subclass says y(value) and what is drawn.
class FramePlot {
  static MARGIN = { left: 38, right: 4, top: 6, bottom: 20, gap: 10, histogram: 92 };

  constructor(host, onSeek, parts = '<i class="cursor"></i><i class="dot"></i>') {
    this.host = host;
    host.className = "plot";
    host.innerHTML = `<canvas aria-hidden="true"></canvas>${parts}`;
    [this.canvas, this.cursor, this.dot, this.level] = host.children;
    const seek = (event) => {
      const box = host.getBoundingClientRect();
      const share = (event.clientX - box.left - this.x0) / (this.x1 - this.x0);
      if (share > -0.02 && share < 1.02) onSeek(Math.round(share * (this.count - 1)));
    };
    host.addEventListener("pointerdown", (event) => { this.dragging = true; host.setPointerCapture(event.pointerId); seek(event); });
    host.addEventListener("pointermove", (event) => this.dragging && seek(event));
    host.addEventListener("pointerup", () => { this.dragging = false; });
  }

  // values: one a frame (NaN: none); framePs: their spacing.
  setData(data) {
    Object.assign(this, data, { count: data.values.length });
    this.draw();
  }

  x(frame) {
    return this.count < 2 ? (this.x0 + this.x1) / 2 : this.x0 + (frame / (this.count - 1)) * (this.x1 - this.x0);
  }

  draw() {
    const width = this.host.clientWidth;
    const height = this.host.clientHeight;
    if (!width || !this.values) return;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    this.paint(pen, width, height);
    this.moveCursor(this.frame || 0);
  }

  // Draw all of it with a pen; a heading stands above, where there is one. `this.x0` and so on are left as they are set.
  paint(pen, width, height, heading = "") {
    const m = FramePlot.MARGIN;
    const bar = this.bar ? (width < 420 ? 64 : m.histogram) + m.gap : 0;
    this.pen = pen;
    [this.x0, this.x1] = [m.left, width - m.right - bar];
    [this.y0, this.y1] = [m.top + (heading ? 18 : 0), height - m.bottom];
    [this.h0, this.h1] = [this.x1 + m.gap, width - m.right];
    pen.font = `10.5px ${css("--sans")}`;
    if (heading) {
      pen.fillStyle = css("--ink");
      [pen.textAlign, pen.textBaseline] = ["left", "top"];
      pen.fillText(heading, m.left, 4);
    }
    pen.fillStyle = css("--plot");
    pen.fillRect(this.x0, this.y0, this.x1 - this.x0, this.y1 - this.y0);
    if (this.bar) pen.fillRect(this.h0, this.y0, this.h1 - this.h0, this.y1 - this.y0);
    pen.strokeStyle = css("--grid");
    pen.lineWidth = 1;
    pen.fillStyle = css("--muted");
    this.levels();
    this.frameAxis();
    this.drawSeries();
  }

  // A line across at a value, and what it is called.
  drawLevel(value, label) {
    const { pen, x0, x1, y0, y1, h0, h1 } = this;
    const y = Math.round(this.y(value)) + 0.5;
    pen.beginPath();
    pen.moveTo(x0, y); pen.lineTo(x1, y);
    if (this.bar) { pen.moveTo(h0, y); pen.lineTo(h1, y); }
    pen.stroke();
    [pen.textAlign, pen.textBaseline] = ["right", "middle"];
    if (label) pen.fillText(label.replace("-", "−"), x0 - 6, Math.min(Math.max(y, y0 + 5), y1 - 4));
  }

  // Labels that would touch the one before are left out; the first and the last stay inside of the axis.
  frameAxis() {
    const { pen, x0, x1, y1, count } = this;
    const timed = this.framePs > 0;
    const span = Math.max(1e-9, (count - 1) * (this.framePs || 1));
    const inNs = timed && span >= 1000;
    const scale = inNs ? 1000 : 1;
    const step = Math.max(timed ? 0 : 1, roundStep(span / scale, Math.max(2, Math.floor((x1 - x0) / (timed ? 90 : 45)))));
    const unit = timed ? (inNs ? " ns" : " ps") : "";
    const first = timed ? 0 : 1;
    pen.textBaseline = "top";
    let taken = -Infinity;
    for (let value = 0; value <= (span / scale) * 1.0001 && count > 1; value += step) {
      const x = x0 + ((value * scale) / span) * (x1 - x0);
      const label = `${+(value + first).toFixed(4)}${unit}`;
      const width = pen.measureText(label).width;
      const left = Math.max(x0, Math.min(x1 - width, x - width / 2));
      if (left < taken + 8) continue;
      taken = left + width;
      pen.textAlign = "left";
      pen.fillText(label, left, y1 + 6);
    }
  }

  drawPoints(colour) {
    const { pen, values, count } = this;
    const size = count > 1500 ? 1.3 : count > 120 ? 2.1 : 3;
    for (let t = 0; t < count; t++) {
      pen.fillStyle = colour(t);
      if (Number.isFinite(values[t])) pen.fillRect(this.x(t) - size / 2, this.y(values[t]) - size / 2, size, size);
    }
  }

  // Neighbours joined, where `joined(a, b)`.
  drawLine(joined) {
    const { pen, values, count } = this;
    pen.strokeStyle = css("--series-line");
    pen.lineWidth = 0.8;
    pen.beginPath();
    for (let t = 1; t < count && this.framePs; t++) {
      if (!joined(values[t - 1], values[t])) continue;
      pen.moveTo(this.x(t - 1), this.y(values[t - 1]));
      pen.lineTo(this.x(t), this.y(values[t]));
    }
    pen.stroke();
  }

  moveCursor(frame) {
    this.frame = frame;
    if (!this.values || this.x0 === undefined) return;
    const x = this.x(frame);
    const value = this.values[frame];
    const display = Number.isFinite(value) ? "block" : "none";
    this.cursor.style.cssText = `left:${x}px;top:${this.y0}px;height:${this.y1 - this.y0}px`;
    this.dot.style.cssText = `left:${x}px;top:${this.y(value)}px;display:${display}`;
    if (this.level) this.level.style.cssText = `left:${this.h0}px;width:${this.h1 - this.h0}px;top:${this.y(value)}px;display:${display}`;
  }
}

// histogram, all, reference: counts over -180..180; states: of each frame its place among the states, which colours it
// where `coloured`.
class TorsionPlot extends FramePlot {
  constructor(host, onSeek) {
    super(host, onSeek, '<i class="cursor"></i><i class="dot"></i><i class="level"></i>');
    this.bar = true;
  }

  y(angle) {
    return this.y1 - ((angle + 180) / 360) * (this.y1 - this.y0);
  }

  levels() {
    for (const angle of [-180, -90, 0, 90, 180]) this.drawLevel(angle, angle % 180 === 0 ? `${angle}°` : "");
  }

  drawSeries() {
    const series = css("--series");
    this.drawLine((a, b) => Math.abs(b - a) < 180);
    this.drawPoints((t) => (this.coloured ? stateColour(this.states[t]) : series));
    this.drawHistogram();
  }

  drawHistogram() {
    const { pen, h0, h1 } = this;
    const shares = (counts) => {
      const sum = counts.reduce((a, b) => a + b, 0) || 1;
      return counts.map((c) => c / sum);
    };
    const parts = { histogram: shares(this.histogram), all: shares(this.all) };
    if (this.reference) parts.reference = shares(this.reference);
    const top = Math.max(...Object.values(parts).flat()) || 1;
    const n = this.histogram.length;
    const high = (k) => this.y(-180 + (360 * k) / n);
    pen.fillStyle = css("--series");
    parts.histogram.forEach((value, k) => {
      pen.fillRect(h0, high(k + 1), (value / top) * (h1 - h0 - 2), high(k) - high(k + 1) + 0.4);
    });
    const outline = (values, colour, width) => {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      values.forEach((value, k) => {
        const x = h0 + (value / top) * (h1 - h0 - 2);
        if (k === 0) pen.moveTo(x, high(0));
        pen.lineTo(x, high(k));
        pen.lineTo(x, high(k + 1));
      });
      pen.stroke();
    };
    outline(parts.all, css("--pooled"), 1);
    if (parts.reference) outline(parts.reference, css("--reference"), 1.5);
    // The axis of shares: a bar as long as the plot is wide holds so many of the frames.
    pen.fillStyle = css("--muted");
    [pen.textAlign, pen.textBaseline] = ["left", "top"];
    pen.fillText("0", h0, this.y1 + 6);
    pen.textAlign = "right";
    pen.fillText(`${(100 * top).toFixed(top < 0.095 ? 1 : 0)} %`, h1, this.y1 + 6);
  }
}

// A quantity with an axis of its own.
class EnergyPlot extends FramePlot {
  setData(data) {
    const known = data.values.filter(Number.isFinite);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const room = 0.06 * (high - low) || 1;
    Object.assign(this, { low: low - room, high: high + room });
    super.setData(data);
  }

  y(value) {
    return this.y1 - ((value - this.low) / (this.high - this.low)) * (this.y1 - this.y0);
  }

  levels() {
    const step = roundStep(this.high - this.low, 4);
    const digits = Math.max(0, -Math.floor(Math.log10(step)));
    for (let value = Math.ceil(this.low / step) * step; value <= this.high; value += step) this.drawLevel(value, value.toFixed(digits));
  }

  drawSeries() {
    const series = css("--series");
    this.drawLine((a, b) => Number.isFinite(a + b));
    this.drawPoints(() => series);
  }
}
