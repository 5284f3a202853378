// The pieces that several views are made of.

import { h } from "./dom.js";
import { NOTHING, ago, count, epoch, full } from "./format.js";

// A table with a caption for those who cannot see it. columns: [label, class]; rows: [key,
// cells, extra], where extra is drawn as a row of its own below. Roles are spelled out because
// the narrow layout takes rows apart, and with them what a browser knows about a table.
export function table(caption, columns, rows) {
  const head = columns.map(([label, name]) =>
    h("th", { scope: "col", role: "columnheader", class: name }, label));
  return h("table", { role: "table", "aria-label": caption },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h("tbody", { role: "rowgroup" }, rows.map(([key, cells, extra]) => [
      h("tr", { role: "row", key }, cells.map((cell, index) =>
        h(index ? "td" : "th", {
          role: index ? "cell" : "rowheader",
          scope: index ? null : "row",
          class: [columns[index][1], [NOTHING, "0"].includes(cell) && "none"].filter(Boolean).join(" ") || null,
          "data-label": columns[index][0],
        }, cell))),
      extra && h("tr", { role: "row", key: `${key}/more`, class: "more" },
        h("td", { role: "cell", colspan: columns.length }, extra)),
    ])));
}

// Pages of a list. go(page) is called with the page that is wanted.
export function pager(page, size, total, go) {
  if (total <= size) return null;
  const last = Math.ceil(total / size);
  const button = (label, to) => h("button", {
    type: "button", class: "quiet", disabled: to < 1 || to > last, onclick: () => go(to),
  }, label);
  return h("nav", { class: "pager", "aria-label": "Pages" },
    button("Previous", page - 1),
    h("span", { role: "status" }, `Page ${page} of ${last}`),
    button("Next", page + 1));
}

// One choice out of several, as buttons. options: [value, label].
export function choice(label, options, chosen, choose) {
  return h("div", { class: "choice", role: "group", "aria-label": label },
    options.map(([value, text]) => h("button", {
      type: "button", "aria-pressed": String(value === chosen), onclick: () => choose(value),
    }, text)));
}

export function when(iso) {
  const time = epoch(iso);
  return time === null ? NOTHING : h("time", { datetime: iso, title: full(time) }, ago(time));
}

// A name from outside: kept apart, so that its writing direction does not turn ours around.
export const name = (text) => h("bdi", null, text);

export const deviceLink = (id, text) =>
  h("a", { href: `#/devices/${encodeURIComponent(id)}` }, name(text ?? id));

// A mark tells by its shape what its colour tells too.
export function state(kind, text) {
  return h("span", { class: `state ${kind}` },
    h("span", { class: "mark-shape", "aria-hidden": "true" }), text);
}

export function presence(device) {
  if (!device.is_active) return state("off", "deactivated");
  if (device.is_online) return state("good", "connected");
  return state("off", device.last_seen ? "away" : "never seen");
}

const HEALTH = { healthy: "good", degraded: "warn", unhealthy: "bad", unknown: "off" };

export function health(score, status) {
  if (score === null || score === undefined) return state("off", status ?? NOTHING);
  return state(HEALTH[status] ?? "off", `${count(score)} ${status}`);
}

export const severity = (given) =>
  state({ critical: "bad", warning: "warn" }[given] ?? "info", given);

export function battery(level) {
  if (level === null || level === undefined) return NOTHING;
  const width = Math.max(0, Math.min(100, level)) * 0.18;
  return h("span", { class: level <= 15 ? "gauge low" : "gauge" },
    h("svg", { viewBox: "0 0 24 12", width: 24, height: 12, "aria-hidden": "true" },
      h("rect", { x: 0.5, y: 0.5, width: 21, height: 11, rx: 2.5, class: "shell" }),
      h("rect", { x: 22.5, y: 4, width: 1.5, height: 4, class: "fill" }),
      h("rect", { x: 2, y: 2, width, height: 8, rx: 1, class: "fill" })),
    `${count(level)} %`);
}

export function signal(dbm) {
  if (dbm === null || dbm === undefined) return NOTHING;
  const bars = [-85, -75, -65, -55].filter((least) => dbm >= least).length;
  return h("span", { class: bars ? "gauge" : "gauge low" },
    h("svg", { viewBox: "0 0 18 12", width: 18, height: 12, "aria-hidden": "true" },
      [0, 1, 2, 3].map((bar) => h("rect", {
        x: bar * 5, y: 9 - bar * 3, width: 3, height: 3 + bar * 3, rx: 0.5,
        class: bar < bars ? "fill" : "empty",
      }))),
    `${count(dbm)} dBm`);
}

// Names and values; values may be elements.
export const facts = (pairs) =>
  h("dl", { class: "facts" }, pairs.map(([label, given]) =>
    h("div", null, h("dt", null, label), h("dd", null, given ?? NOTHING))));

export const empty = (text) => h("p", { class: "empty" }, text);

// A document a device sent, as facts: nested values as JSON text.
export function document_(given) {
  if (given === null || typeof given !== "object") return empty("Nothing received yet.");
  return facts(Object.entries(given).map(([key, value]) =>
    [name(key), name(typeof value === "string" ? value : JSON.stringify(value))]));
}
