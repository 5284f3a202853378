// Alarms: the list, and the one that is opened in it with its story and what can be done.

import { Failed, get, getIfThere, post } from "./api.js";
import { h } from "./dom.js";
import { count, epoch, full } from "./format.js";
import { choice, deviceLink, empty, facts, name, pager, severity, state, table, when } from "./parts.js";

const PAGE_SIZE = 20;
const NOTE_MAX = 500;
const COLUMNS = [["Alarm", "lead"], ["Severity"], ["Status"], ["Device"], ["Triggered"], ["Times", "number"]];
const WHICH = [["", "All"], ["active", "Active"], ["acknowledged", "Acknowledged"], ["resolved", "Resolved"]];
const KINDS = { active: "bad", acknowledged: "warn", resolved: "good" };
const STEPS = { acknowledge: "Acknowledge", resolve: "Resolve", reopen: "Reopen" };
const POSSIBLE = { active: ["acknowledge", "resolve"], acknowledged: ["resolve"], resolved: ["reopen"] };

const chosen = { status: "", page: 1 };

export function alarms(page, openId) {
  let found = null;
  let opened = null;
  let said = "";

  async function load() {
    found = (await getIfThere("/v1/iot/alarms", { ...chosen, page_size: PAGE_SIZE })) ?? "none";
    opened = openId === undefined ? null : await one(openId);
  }

  async function one(id) {
    const path = `/v1/iot/alarms/${encodeURIComponent(id)}`;
    const alarm = await getIfThere(path);
    return alarm && { alarm, timeline: (await getIfThere(`${path}/timeline`)) ?? [] };
  }

  function choose(change) {
    Object.assign(chosen, { page: 1 }, change);
    page.refresh();
  }

  async function act(step) {
    const field = document.getElementById("note");
    const note = field.value.trim();
    try {
      await post(`/v1/iot/alarms/${encodeURIComponent(openId)}/${step}`, note ? { note } : {});
      field.value = "";
      said = "";
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      said = error.message;
    }
  }

  const row = (alarm) => {
    const isOpen = opened?.alarm.id === alarm.id;
    const href = isOpen ? "#/alarms" : `#/alarms/${encodeURIComponent(alarm.id)}`;
    return [alarm.id, [
      h("a", { href, "aria-expanded": String(isOpen) }, name(alarm.title)),
      severity(alarm.severity),
      state(KINDS[alarm.status] ?? "off", alarm.status),
      deviceLink(alarm.device_id),
      when(alarm.triggered_at),
      count(alarm.occurrence_count),
    ], isOpen && story()];
  };

  function story() {
    const { alarm, timeline } = opened;
    return h("section", { class: "story", "aria-label": "The opened alarm" },
      alarm.message && h("p", { class: "message" }, name(alarm.message)),
      facts([
        ["Rule", name(alarm.rule_name ?? "–")],
        ["Triggered", when(alarm.triggered_at)],
        ["Acknowledged", when(alarm.acknowledged_at)],
        ["Resolved", when(alarm.resolved_at)],
      ]),
      h("div", { class: "act" },
        h("div", { class: "field" },
          h("label", { for: "note" }, "Note"),
          h("input", { id: "note", type: "text", maxlength: NOTE_MAX, autocomplete: "off", placeholder: "Optional" })),
        (POSSIBLE[alarm.status] ?? []).map((step) => h("button", {
          key: step, type: "button", onclick: () => page.act(() => act(step)),
        }, STEPS[step])),
        h("p", { class: "refused", role: "alert" }, said)),
      h("h3", null, "What happened"),
      h("ol", { class: "plain timeline" }, timeline.map((event) => h("li", { key: event.id },
        h("time", { datetime: event.created_at }, full(epoch(event.created_at))), " ",
        h("b", null, name(event.event_type)), " ",
        h("span", { class: "soft" }, "by ", name(event.actor)),
        event.note && h("q", null, name(event.note))))));
  }

  function list() {
    if (found === "none") return empty("Not served.");
    const rows = found.alarms.map(row);
    const isListed = found.alarms.some((alarm) => alarm.id === openId);
    if (opened && !isListed) rows.unshift(row(opened.alarm));
    return [
      openId !== undefined && !opened && empty("There is no such alarm."),
      rows.length ? table("Alarms", COLUMNS, rows) : empty(chosen.status ? `No alarm is ${chosen.status}.` : "No alarm yet."),
      pager(chosen.page, PAGE_SIZE, found.total, (to) => choose({ page: to })),
    ];
  }

  return {
    title: "Alarms",
    load,
    draw: () => [
      h("div", { class: "bar" }, choice("Which alarms", WHICH, chosen.status, (status) => choose({ status }))),
      found && list(),
    ],
  };
}
