// One datapoint over time. The charts of a device share a cursor, moved by pointer or keys.

import { h } from "./dom.js";
import { ago, clock, day, minute, moment, number, value as shown } from "./format.js";
import * as plot from "./plot.js";

const LEFT = 64;
const RIGHT = 10;
const TOP = 8;
const FOOT = 22;
const NUMBER_HEIGHT = 132;
const STATE_HEIGHT = 30;
const DOTS_MAX = 40;
const TINTS = 5;
const HUGE = 8e307;

// The moment that all charts point at, null for none.
export class Cursor {
  time = null;
  charts = new Set();

  set(time) {
    this.time = time;
    for (const chart of this.charts) chart.point();
  }
}

export class Chart {
  constructor(key, cursor) {
    this.cursor = cursor;
    this.title = h("h3");
    this.output = h("output", { class: "now" });
    this.note = h("p", { class: "soft note" });
    this.plot = h("div", { class: "plot", role: "slider", tabindex: 0 });
    this.root = h("figure", { class: "chart", key },
      h("figcaption", null, this.title, this.output), this.plot, this.note);
    this.plot.addEventListener("pointermove", (event) => this.#hover(event));
    this.plot.addEventListener("pointerleave", () => cursor.set(null));
    this.plot.addEventListener("keydown", (event) => this.#key(event));
    this.plot.addEventListener("blur", () => cursor.set(null));
    this.sized = new ResizeObserver(() => this.#draw());
    this.sized.observe(this.plot);
    cursor.charts.add(this);
  }

  close() {
    this.sized.disconnect();
    this.cursor.charts.delete(this);
  }

  // series: a datapoint with its points; latest: [time, value] or null; start, end: Unix seconds.
  update(series, latest, start, end, stepS) {
    Object.assign(this, { series, latest, start, end });
    this.points = series.points.filter((point) => point[0] >= start && point[0] <= end);
    if (latest && latest[0] <= end && latest[0] > (this.points.at(-1)?.[0] ?? start)) {
      const isNumber = series.data_type === "number";
      this.points.push([...latest, ...(isNumber ? [latest[1], latest[1]] : [false])]);
    }
    this.limit = plot.gapLimit(this.points, stepS);
    const unit = series.unit ? [" ", h("span", { class: "soft" }, h("bdi", null, series.unit))] : [];
    this.title.replaceChildren(h("bdi", null, series.label || series.name), ...unit);
    this.title.title = series.name;
    this.note.textContent = series.is_whole === false ? "The oldest values of this time are left out." : "";
    this.note.hidden = series.is_whole !== false;
    this.plot.setAttribute("aria-label", `${series.label || series.name} over time`);
    this.plot.setAttribute("aria-valuemin", 0);
    this.plot.setAttribute("aria-valuemax", Math.max(0, this.points.length - 1));
    this.#draw();
  }

  #draw() {
    const width = this.plot.clientWidth;
    if (!this.series || width < LEFT + RIGHT + 20) return;
    const isNumber = this.series.data_type === "number";
    const height = isNumber ? NUMBER_HEIGHT : STATE_HEIGHT;
    const scale = (width - LEFT - RIGHT) / (this.end - this.start);
    this.x = (time) => round(LEFT + (time - this.start) * scale);
    this.time = (x) => this.start + (x - LEFT) / scale;
    this.cross = h("line", { class: "cross", y1: TOP, y2: TOP + height });
    this.dot = h("circle", { class: "dot", r: 4 });
    const total = TOP + height + FOOT;
    const drawing = h("svg", { viewBox: `0 0 ${width} ${total}`, width, height: total, "aria-hidden": "true" },
      this.#times(height, width),
      isNumber ? this.#numbers(height, width) : this.#states(height),
      this.cross, isNumber && this.dot);
    this.plot.replaceChildren(drawing);
    this.point();
  }

  #times(height, width) {
    const most = Math.max(2, Math.floor((width - LEFT) / 80));
    const { ticks, isDaily } = plot.timeTicks(this.start, this.end, most);
    const bottom = TOP + height;
    return ticks.map((at) => [
      h("line", { class: "tick", x1: this.x(at), x2: this.x(at), y1: bottom, y2: bottom + 4 }),
      h("text", { class: "label", x: Math.min(this.x(at), width - 18), y: bottom + 17, "text-anchor": "middle" },
        isDaily ? day(at) : minute(at)),
    ]);
  }

  #numbers(height, width) {
    const found = plot.runs(this.points, this.limit);
    const [low, high] = this.points.length ? plot.extent(this.points).map(bounded) : [0, 1];
    const y = (value) =>
      round(TOP + height * (1 - (bounded(value) / 2 - low / 2) / (high / 2 - low / 2)));
    this.y = y;
    const hasBand = this.points.some((point) => point[2] < point[3]);
    return [
      plot.valueTicks(low, high, 4).map((tick) => [
        h("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
        h("text", { class: "label", x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" }, number(tick)),
      ]),
      this.#silences(found, height),
      hasBand && found.map((run) => h("path", { class: "band", d: plot.area(run, this.x, y) })),
      found.map((run) => h("path", { class: "line", d: plot.line(run, this.x, y) })),
      (this.points.length <= DOTS_MAX ? this.points : found.filter((run) => run.length === 1).flat())
        .map((point) => h("circle", { class: "point", cx: this.x(point[0]), cy: y(point[1]), r: 2 })),
    ];
  }

  #states(height) {
    const order = [...new Set(this.points.map((point) => point[1]))];
    const found = plot.spans(this.points, this.end, this.limit);
    const one = ({ value, isMixed, from, to }) => {
      const x = this.x(from);
      const width = Math.max(1.5, this.x(to) - x);
      const words = isMixed ? "several" : shown(value);
      const tint = typeof value === "boolean" ? `is-${value}` : `tint-${order.indexOf(value) % TINTS}`;
      return [
        h("rect", { class: isMixed ? "span mixed" : `span ${tint}`, x, y: TOP, width, height }),
        width > words.length * 8 + 12 && h("text", {
          class: `label on-${tint}`, x: x + 7, y: TOP + height / 2 + 4,
        }, words),
      ];
    };
    return [this.#silences(plot.runs(this.points, this.limit), height), found.map(one)];
  }

  #silences(found, height) {
    return plot.gaps(found, this.end, this.limit).map(([from, to]) =>
      h("rect", { class: "gap", x: this.x(from), y: TOP, width: Math.max(0, this.x(to) - this.x(from)), height },
        h("title", null, `No values from ${clock(from)} to ${clock(to)}`)));
  }

  // Show the point under the cursor, or the latest value.
  point() {
    if (!this.series) return;
    const at = this.cursor.time;
    const index = at === null || !this.points.length ? -1 : plot.nearest(this.points, at);
    const point = this.points[index];
    const isThere = point !== undefined && Math.abs(point[0] - at) <= this.limit;
    this.cross?.toggleAttribute("hidden", at === null);
    this.dot?.toggleAttribute("hidden", !isThere);
    if (at !== null) place(this.cross, { x1: this.x(at), x2: this.x(at) });
    if (isThere) place(this.cross, { x1: this.x(point[0]), x2: this.x(point[0]) });
    if (isThere && this.y) place(this.dot, { cx: this.x(point[0]), cy: this.y(point[1]) });
    const [when, what] = this.#words(at, isThere ? point : null);
    this.output.replaceChildren(h("small", null, when), " ", h("bdi", { class: "value" }, what));
    this.plot.setAttribute("aria-valuenow", isThere ? index : Math.max(0, this.points.length - 1));
    this.plot.setAttribute("aria-valuetext", `${what}, ${when}`);
  }

  // Returns [when, what] of the point, of the latest value without a cursor.
  #words(at, point) {
    const { unit } = this.series;
    if (at === null) return this.latest ? [ago(this.latest[0]), shown(this.latest[1], unit)] : ["", "no value"];
    if (!point) return [moment(at, this.end), "no value"];
    const [time, value, low, high] = point;
    if (low === true) return [moment(time, this.end), `several, then ${shown(value)}`];
    const range = low < high ? `${number(low)} to ${number(high)}, last ` : "";
    return [moment(time, this.end), range + shown(value, unit)];
  }

  #hover(event) {
    if (!this.time) return;
    const time = this.time(event.clientX - this.plot.getBoundingClientRect().left);
    this.cursor.set(Math.max(this.start, Math.min(this.end, time)));
  }

  #key(event) {
    const last = this.points.length - 1;
    const now = this.cursor.time === null ? last + 1 : plot.nearest(this.points, this.cursor.time);
    const to = {
      ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1,
      PageUp: now - 20, PageDown: now + 20, Home: 0, End: last,
    }[event.key];
    if (event.key === "Escape") this.cursor.set(null);
    else if (to === undefined || last < 0) return;
    else this.cursor.set(this.points[Math.max(0, Math.min(last, to))][0]);
    event.preventDefault();
  }
}

const round = (pixels) => Math.round(pixels * 10) / 10;
const bounded = (value) => Math.max(-HUGE, Math.min(HUGE, value));

function place(node, attributes) {
  for (const [name, given] of Object.entries(attributes)) node?.setAttribute(name, given);
}
