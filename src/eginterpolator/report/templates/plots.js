// A torsion's time series with its histogram standing beside it on the same angle axis. Canvas, themed by CSS variables.
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

class TorsionPlot {
  static MARGIN = { left: 38, right: 4, top: 6, bottom: 20, gap: 10, histogram: 92 };

  constructor(host, onSeek) {
    this.host = host;
    host.className = "plot";
    host.innerHTML = '<canvas></canvas><i class="cursor"></i><i class="level"></i><i class="dot"></i>';
    [this.canvas, this.cursor, this.level, this.dot] = host.children;
    const seek = (event) => {
      const box = host.getBoundingClientRect();
      const share = (event.clientX - box.left - this.x0) / (this.x1 - this.x0);
      if (share > -0.02 && share < 1.02) onSeek(Math.round(share * (this.count - 1)));
    };
    host.addEventListener("pointerdown", (event) => { this.dragging = true; host.setPointerCapture(event.pointerId); seek(event); });
    host.addEventListener("pointermove", (event) => this.dragging && seek(event));
    host.addEventListener("pointerup", () => { this.dragging = false; });
  }

  // angles: Float32Array in degrees (NaN: none); histogram, reference: counts over -180..180; framePs: spacing.
  // states: of each frame its place among the states, which colours it where `coloured`.
  setData({ angles, histogram, all, reference, framePs, states, coloured }) {
    Object.assign(this, { angles, histogram, all, reference, framePs, states, coloured, count: angles.length });
    this.draw();
  }

  x(frame) {
    return this.count < 2 ? (this.x0 + this.x1) / 2 : this.x0 + (frame / (this.count - 1)) * (this.x1 - this.x0);
  }

  y(angle) {
    return this.y1 - ((angle + 180) / 360) * (this.y1 - this.y0);
  }

  draw() {
    const width = this.host.clientWidth;
    const height = this.host.clientHeight;
    if (!width || !this.angles) return;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const m = TorsionPlot.MARGIN;
    const bar = width < 420 ? 64 : m.histogram;
    [this.x0, this.x1] = [m.left, width - m.right - bar - m.gap];
    [this.y0, this.y1] = [m.top, height - m.bottom];
    [this.h0, this.h1] = [this.x1 + m.gap, width - m.right];
    const pen = (this.pen = this.canvas.getContext("2d"));
    pen.scale(ratio, ratio);
    pen.font = `10.5px ${css("--sans")}`;
    this.drawAxes();
    this.drawSeries();
    this.drawHistogram();
    this.moveCursor(this.frame || 0);
  }

  drawAxes() {
    const { pen, x0, x1, y0, y1, h0, h1 } = this;
    pen.fillStyle = css("--plot");
    pen.fillRect(x0, y0, x1 - x0, y1 - y0);
    pen.fillRect(h0, y0, h1 - h0, y1 - y0);
    pen.strokeStyle = css("--grid");
    pen.lineWidth = 1;
    pen.fillStyle = css("--muted");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const angle of [-180, -90, 0, 90, 180]) {
      const y = Math.round(this.y(angle)) + 0.5;
      pen.beginPath();
      pen.moveTo(x0, y); pen.lineTo(x1, y);
      pen.moveTo(h0, y); pen.lineTo(h1, y);
      pen.stroke();
      if (angle % 180 === 0) pen.fillText(`${angle}°`.replace("-", "−"), x0 - 6, Math.min(Math.max(y, y0 + 5), y1 - 4));
    }
    const span = Math.max(1e-9, (this.count - 1) * this.framePs);
    const inNs = span >= 1000;
    const scale = inNs ? 1000 : 1;
    const step = roundStep(span / scale, Math.max(2, Math.floor((x1 - x0) / 90)));
    pen.textBaseline = "top";
    for (let value = 0; value <= (span / scale) * 1.0001 && this.count > 1; value += step) {
      const x = x0 + ((value * scale) / span) * (x1 - x0);
      pen.textAlign = value === 0 ? "left" : x > x1 - 24 ? "right" : "center";
      pen.fillText(`${+value.toFixed(4)} ${inNs ? "ns" : "ps"}`, x, y1 + 6);
    }
  }

  drawSeries() {
    const { pen, angles, count } = this;
    pen.strokeStyle = css("--series-line");
    pen.lineWidth = 0.8;
    pen.beginPath();
    for (let t = 1; t < count; t++) {
      if (Math.abs(angles[t] - angles[t - 1]) < 180) {
        pen.moveTo(this.x(t - 1), this.y(angles[t - 1]));
        pen.lineTo(this.x(t), this.y(angles[t]));
      }
    }
    pen.stroke();
    pen.fillStyle = css("--series");
    const size = count > 1500 ? 1.3 : count > 120 ? 2.1 : 3;
    for (let t = 0; t < count; t++) {
      if (this.coloured) pen.fillStyle = stateColour(this.states[t]);
      if (Number.isFinite(angles[t])) pen.fillRect(this.x(t) - size / 2, this.y(angles[t]) - size / 2, size, size);
    }
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
  }

  moveCursor(frame) {
    this.frame = frame;
    if (!this.angles || this.x0 === undefined) return;
    const x = this.x(frame);
    const angle = this.angles[frame];
    this.cursor.style.cssText = `left:${x}px;top:${this.y0}px;height:${this.y1 - this.y0}px`;
    const shown = Number.isFinite(angle);
    this.dot.style.cssText = `left:${x}px;top:${this.y(angle)}px;display:${shown ? "block" : "none"}`;
    this.level.style.cssText = `left:${this.h0}px;width:${this.h1 - this.h0}px;top:${this.y(angle)}px;display:${shown ? "block" : "none"}`;
  }
}
