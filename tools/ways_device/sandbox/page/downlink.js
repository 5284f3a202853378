// What goes to a device: its last commands and their states, its settings and its answers.

import { h } from "./dom.js";
import { count } from "./format.js";
import { empty, facts, name, state, when } from "./parts.js";

const STATES = { accepted: "info", done: "good", refused: "bad", interrupted: "bad", expired: "warn" };

export function commands({ commands: given }) {
  if (!given.length) return empty("None was sent.");
  return h("ul", { class: "plain" }, given.map((one) => h("li", { key: one.id },
    state(STATES[one.state] ?? "off", one.state), " ", h("code", null, name(one.name)), " ",
    h("span", { class: "soft" }, when(one.sent_at), one.reason && [" ", name(one.reason)]))));
}

export function settings({ rev, document, answer }) {
  if (!document) return empty("None: no profile is applied.");
  const results = answer?.rev === rev ? new Map(Object.entries(answer.keys)) : null;
  const result = (key) => (results ? results.get(key) ?? "not answered" : "no answer yet");
  return facts([
    ["Revision", count(rev)],
    ...Object.entries(document).filter(([key]) => key !== "rev").map(([key, value]) => [
      name(key),
      [name(JSON.stringify(value)), " ", h("span", { class: "soft" }, name(result(key)))],
    ]),
  ]);
}
