// The list of devices.

import { get } from "./api.js";
import { h } from "./dom.js";
import { count, counted } from "./format.js";
import { battery, choice, deviceLink, empty, health, name, pager, presence, signal, table, when } from "./parts.js";

const PAGE_SIZE = 20;
const TYPING_MS = 250;
const COLUMNS = [
  ["Device", "lead"], ["State"], ["Last seen"], ["Battery"], ["Signal"], ["Health"], ["Messages 24 h", "number"],
];
const WHICH = [["", "All"], ["true", "Connected"], ["false", "Not connected"]];

// Outlives the view: whoever comes back from a device finds the list as it was.
const chosen = { search: "", is_online: "", page: 1 };

export function devices(page) {
  let found = null;
  let typing = null;

  function choose(change) {
    Object.assign(chosen, { page: 1 }, change);
    page.refresh();
  }

  function typed(event) {
    clearTimeout(typing);
    const search = event.target.value.trim();
    typing = setTimeout(() => choose({ search }), TYPING_MS);
  }

  const row = (device) => [device.device_id, [
    [deviceLink(device.device_id, device.name), h("code", null, name(device.device_id))],
    presence(device),
    when(device.last_seen),
    battery(device.battery_level),
    signal(device.signal_strength),
    health(device.health_score, device.health_status),
    count(device.messages_24h),
  ]];

  function list() {
    if (found.total) return table("Devices", COLUMNS, found.devices.map(row));
    if (chosen.search || chosen.is_online) return empty("No device is like that.");
    return [empty("No device is registered yet."),
      h("p", { class: "soft" }, "Register one with ", h("code", null, "ways-device provision"), " or ",
        h("code", null, "POST /v1/iot/devices"), "; it appears here by itself.")];
  }

  return {
    title: "Devices",
    async load() {
      found = await get("/sandbox/devices", { ...chosen, page_size: PAGE_SIZE });
      if (!found.devices.length && found.total) chosen.page = Math.ceil(found.total / PAGE_SIZE);
    },
    draw: () => [
      h("div", { class: "bar" },
        h("div", { class: "field" },
          h("label", { for: "search" }, "Search"),
          h("input", { id: "search", type: "search", value: chosen.search, maxlength: 200, placeholder: "Name or id",
            autocomplete: "off", spellcheck: "false", oninput: typed })),
        choice("Which devices", WHICH, chosen.is_online, (is_online) => choose({ is_online })),
        h("p", { class: "soft tally", role: "status" }, found && counted(found.total, "device"))),
      found && list(),
      found && pager(chosen.page, PAGE_SIZE, found.total, (to) => choose({ page: to })),
    ],
    close: () => clearTimeout(typing),
  };
}
