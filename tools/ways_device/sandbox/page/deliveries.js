// Notifications that were sent, or are to be.

import { getIfThere } from "./api.js";
import { h } from "./dom.js";
import { count, counted } from "./format.js";
import { empty, name, pager, state, table, when } from "./parts.js";

const PAGE_SIZE = 50;
const COLUMNS = [["Notification", "lead"], ["Channel"], ["Status"], ["Made"], ["Sent"], ["Attempts", "number"]];
const KINDS = { delivered: "good", failed: "bad", pending: "warn" };

export function deliveries(page) {
  let found = null;
  let shown = 1;

  const row = (delivery) => [delivery.id, [
    [alarmLink(delivery), h("code", null, name(delivery.id))],
    name(delivery.channel_type),
    state(KINDS[delivery.status] ?? "off", delivery.status),
    when(delivery.created_at),
    when(delivery.sent_at),
    count(delivery.attempts),
  ], delivery.error && h("p", { class: "soft" }, name(delivery.error))];

  const alarmLink = ({ alarm_id: id, event_type: event }) =>
    id ? h("a", { href: `#/alarms/${encodeURIComponent(id)}` }, name(`alarm ${event}`)) : name(event ?? "");

  function list() {
    if (found === "none") return empty("Not served.");
    if (!found.total) return empty("Nothing was sent yet: no policy has matched an alarm.");
    return [
      table("Notifications", COLUMNS, found.deliveries.map(row)),
      pager(shown, PAGE_SIZE, found.total, (to) => {
        shown = to;
        page.refresh();
      }),
    ];
  }

  return {
    title: "Notifications",
    async load() {
      const part = { limit: PAGE_SIZE, offset: (shown - 1) * PAGE_SIZE };
      found = (await getIfThere("/v1/iot/notifications/deliveries", part)) ?? "none";
    },
    draw: () => [
      found?.total ? h("p", { class: "lede" }, counted(found.total, "delivery").replace(/ys$/, "ies")) : null,
      found && list(),
    ],
  };
}
