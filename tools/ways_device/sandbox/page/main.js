// The page itself: the key, which view is shown, and asking again while somebody looks.

import { alarms } from "./alarms.js";
import { Away, Failed, Refused, forgetKey, getIfThere, hasKey, keepKey } from "./api.js";
import { deliveries } from "./deliveries.js";
import { device } from "./device.js";
import { devices } from "./devices.js";
import { h, patch } from "./dom.js";
import { count } from "./format.js";
import { ledger } from "./ledger.js";

const POLL_MS = 2000;
const POLL_MAX_MS = 30_000;
const ROUTES = [
  [/^#\/devices\/([^/]+)$/, device],
  [/^#\/devices$/, devices],
  [/^#\/alarms(?:\/([^/]+))?$/, alarms],
  [/^#\/ledger$/, ledger],
  [/^#\/deliveries$/, deliveries],
];
const STRIP = [
  ["total_devices", "Devices", "#/devices"],
  ["connected_now", "Connected now", "#/devices"],
  ["messages_24h", "Messages in 24 h", null],
  ["active_alarms", "Active alarms", "#/alarms"],
];
const NO_KEY = "That is no key: it has characters that no key has.";
const part = (id) => document.getElementById(id);

let view = null;
let notice = "";
let timer = null;
let isAsking = false;
let isWanted = false;
let pause_ms = POLL_MS;

const page = { refresh, redraw, act };

// The key leaves the address bar before anything else happens. Returns what is wrong with it.
function takeKeyFromAddress() {
  const found = /^#key=(.*)$/.exec(location.hash);
  if (!found) return "";
  history.replaceState(null, "", `${location.pathname}#/devices`);
  if (keepKey(decoded(found[1]))) return "";
  forgetKey();
  return NO_KEY;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function route() {
  const wrong = takeKeyFromAddress();
  if (!hasKey()) return lock(wrong);
  for (const id of ["nav", "leave", "strip", "main"]) part(id).hidden = false;
  part("door").hidden = true;
  for (const [path, make] of ROUTES) {
    const match = path.exec(location.hash);
    if (match) return show(make(page, match[1] && decoded(match[1])));
  }
  location.replace("#/devices");
}

function show(next) {
  const isFirst = view === null;
  view?.close?.();
  view = next;
  notice = "";
  for (const link of part("nav").children) {
    const isHere = location.hash.startsWith(link.getAttribute("href"));
    link.toggleAttribute("aria-current", isHere);
    if (isHere) link.setAttribute("aria-current", "page");
  }
  part("main").replaceChildren();
  redraw();
  if (!isFirst) {
    scrollTo(0, 0);
    part("main").focus({ preventScroll: true });
  }
  refresh();
}

function redraw() {
  if (!view) return;
  document.title = `${view.title} · ways sandbox`;
  patch(part("main"),
    h("h1", null, h("bdi", null, view.title)),
    notice && h("p", { class: "notice bad", role: "alert" }, notice),
    view.draw());
}

// Ask now, or right after what is being asked.
function refresh() {
  clearTimeout(timer);
  if (isAsking) isWanted = true;
  else ask();
}

async function ask() {
  clearTimeout(timer);
  if (!view || document.hidden) return;
  isAsking = true;
  isWanted = false;
  const asked = view;
  try {
    await asked.load();
    const stats = await getIfThere("/v1/iot/stats");
    settle("");
    if (asked === view) {
      drawStrip(stats);
      notice = "";
      redraw();
    }
  } catch (error) {
    failed(error, asked);
  } finally {
    isAsking = false;
  }
  if (!view) return;
  if (isWanted) ask();
  else timer = setTimeout(ask, pause_ms);
}

function failed(error, asked) {
  if (error instanceof Refused) return lock("The sandbox refused this key.");
  if (error instanceof Away) {
    settle("The sandbox does not answer. This page goes on by itself when it is back.");
    pause_ms = Math.min(POLL_MAX_MS, pause_ms * 2);
    return;
  }
  if (!(error instanceof Failed)) console.error(error);
  pause_ms = Math.min(POLL_MAX_MS, pause_ms * 2);
  if (asked !== view) return;
  notice = error instanceof Failed ? error.message : "This view cannot be shown.";
  redraw();
}

function settle(text) {
  if (!text) pause_ms = POLL_MS;
  const link = part("link");
  const words = text || "Live";
  link.className = text ? "link away" : "link live";
  if (link.textContent !== words) link.textContent = words;
}

// Do what the user asked for, then show what it changed.
async function act(step) {
  try {
    await step();
  } catch (error) {
    failed(error, view);
  }
  if (view) refresh();
}

function drawStrip(stats) {
  patch(part("strip"), STRIP.map(([key, label, href]) => h("div", { key },
    h("dt", null, label),
    h("dd", { class: key === "active_alarms" && stats?.[key] > 0 ? "bad" : null },
      href ? h("a", { href }, count(stats?.[key])) : count(stats?.[key])))));
}

function lock(reason = "") {
  clearTimeout(timer);
  forgetKey();
  view?.close?.();
  view = null;
  for (const id of ["nav", "leave", "strip", "main"]) part(id).hidden = true;
  part("main").replaceChildren();
  part("strip").replaceChildren();
  part("link").textContent = "";
  part("link").className = "link";
  document.title = "ways sandbox";
  part("door").hidden = false;
  part("key-refused").textContent = reason;
  part("key").focus();
}

part("door").addEventListener("submit", (event) => {
  event.preventDefault();
  const isKept = keepKey(part("key").value);
  part("key").value = "";
  if (isKept) route();
  else lock(NO_KEY);
});
part("leave").addEventListener("click", () => lock());
part("skip").addEventListener("click", (event) => {
  event.preventDefault();
  part(hasKey() ? "main" : "key").focus();
});
addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
addEventListener("online", refresh);
route();
