// One device: its values over time, what it says of itself and is told, alarms, ledger account.

import { Failed, get, getIfThere } from "./api.js";
import { Chart, Cursor } from "./chart.js";
import { h, slot } from "./dom.js";
import { commands, settings } from "./downlink.js";
import { count, counted, epoch } from "./format.js";
import { account } from "./ledger.js";
import { battery, choice, document_, empty, facts, health, name, presence, severity, signal, when } from "./parts.js";

const RANGES = [[900, "15 min"], [3600, "1 h"], [86_400, "24 h"], [604_800, "7 days"]];
const STEPS = 300;
const COMMANDS_SHOWN = 5;
// How old the thinned out values may get; the latest ones are added all the time.
const SERIES_MAX_AGE_MS = 60_000;
const PARTS = [
  ["uptime", "Uptime"], ["alarm_burden", "Alarms"], ["connection_stability", "Stability"],
  ["telemetry_freshness", "Freshness"],
];

let range = RANGES[0][0];

export function device(page, id) {
  const path = `/v1/iot/devices/${encodeURIComponent(id)}`;
  const own = `/sandbox/devices/${encodeURIComponent(id)}`;
  const cursor = new Cursor();
  const charts = new Map();
  let all = null;
  let series = null;
  let asked = -Infinity;

  async function load() {
    const device = await get(path);
    if (Date.now() - asked >= Math.min(SERIES_MAX_AGE_MS, (range * 1000) / STEPS)) {
      const of = range;
      series = { ...(await get(`${own}/series`, { seconds: of, steps: STEPS })), range: of };
      asked = Date.now();
    }
    const latest = await get(`${path}/telemetry/latest`);
    all = {
      device, latest,
      health: await get(`${path}/health`),
      details: await get(own),
      alarms: await getIfThere("/v1/iot/alarms", { device_id: id, page_size: 50 }),
      sent: await get(`${own}/commands`, { page_size: COMMANDS_SHOWN }),
      told: await get(`${own}/config`),
      ledger: await get(`/sandbox/ledger/${encodeURIComponent(id)}`),
    };
    update();
  }

  function update() {
    const now = Math.max(series.end, Date.now() / 1000);
    const latest = new Map(all.latest.map((one) => [one.datapoint_id, one]));
    const known = new Map(series.series.map((one) => [one.datapoint_id, one]));
    for (const one of all.latest) if (!known.has(one.datapoint_id)) known.set(one.datapoint_id, { ...one, points: [] });
    for (const key of [...charts.keys()].filter((key) => !known.has(key))) drop(key);
    for (const [key, one] of known) {
      if (!charts.has(key)) charts.set(key, new Chart(key, cursor));
      const last = latest.get(key);
      const value = last ? [epoch(last.measured_at), last.value] : null;
      charts.get(key).update(one, value, now - series.range, now, series.range / STEPS);
    }
  }

  function drop(key) {
    charts.get(key).close();
    charts.delete(key);
  }

  function choose(to) {
    range = to;
    asked = -Infinity;
    page.refresh();
  }

  const values = () => h("section", { class: "values", "aria-labelledby": "values" },
    h("div", { class: "bar" },
      h("h2", { id: "values" }, "Values"),
      choice("Time shown", RANGES, range, choose)),
    charts.size ? [...charts.values()].map((chart) => slot(chart.root)) : empty("No value of a datapoint has come yet."));

  const about = ({ device, health: score }) => section("Now", facts([
    ["State", presence(device)],
    ["Last seen", when(device.last_seen)],
    ["Battery", battery(device.battery_level)],
    ["Signal", signal(device.signal_strength)],
    ["Health", health(score.health_score, score.health_status)],
    ...PARTS.map(([key, label]) => [h("span", { class: "sub" }, label), count(score.components?.[key])]),
    ["Firmware", device.firmware_version && name(device.firmware_version)],
    ["Messages 24 h", count(device.messages_24h)],
    ["Type", device.device_type && name(device.device_type)],
    ["Tags", device.tags?.length ? name(device.tags.join(", ")) : null],
  ]));

  const oddities = ({ details }) => section("Not understood",
    facts([
      ["Unknown keys", count(details.unknown_keys)],
      ["Values of another type", count(details.mistyped_values)],
      ["Malformed messages", count(details.malformed)],
    ]),
    h("ul", { class: "plain odd" }, (details.odd_keys ?? []).map((odd) =>
      h("li", { key: `${odd.problem} ${odd.key}` }, h("code", null, name(odd.key)), " ",
        h("span", { class: "soft" }, `${odd.problem}, ${odd.last_type}, ${counted(odd.times, "time")}`)))));

  function alarms({ alarms: given }) {
    const open = (given?.alarms ?? []).filter((alarm) => alarm.status !== "resolved");
    return section("Open alarms", open.length
      ? h("ul", { class: "plain" }, open.map((alarm) => h("li", { key: alarm.id },
          severity(alarm.severity), " ",
          h("a", { href: `#/alarms/${encodeURIComponent(alarm.id)}` }, name(alarm.title)), " ",
          h("span", { class: "soft" }, alarm.status))))
      : empty(given ? "None." : "Not served."));
  }

  return {
    get title() {
      return all?.device.name ?? id;
    },
    async load() {
      try {
        await load();
      } catch (error) {
        if (error instanceof Failed && error.status === 404) throw new Failed(404, `There is no device ${id}.`);
        throw error;
      }
    },
    draw: () => all && [
      h("p", { class: "crumb" }, h("a", { href: "#/devices" }, "Devices"), " / ", h("code", null, name(id))),
      h("div", { class: "split" },
        values(),
        h("div", { class: "side" },
          about(all), alarms(all),
          section("Ledger", account(all.ledger)),
          section("Last commands", commands(all.sent)),
          section("Settings told", settings(all.told)),
          section("Status", document_(all.details.status)),
          section("Attributes", document_(all.details.attributes)),
          oddities(all))),
    ],
    close: () => [...charts.keys()].forEach(drop),
  };
}

const section = (title, ...content) => h("section", { key: title }, h("h2", null, title), content);
