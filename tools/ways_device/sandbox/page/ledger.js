// The ledger: what became of every reading that devices took.

import { getIfThere } from "./api.js";
import { h } from "./dom.js";
import { count, counted } from "./format.js";
import { deviceLink, empty, facts, pager, state, table } from "./parts.js";

const PAGE_SIZE = 20;
const GAPS_SHOWN = 8;
const SUMS = ["delivered", "dropped", "volatile", "duplicates", "late"];
const COLUMNS = [
  ["Device", "lead"], ["Adds up"], ["Boots", "number"], ["Delivered", "number"], ["Reported drops", "number"],
  ["Volatile losses", "number"], ["Missing", "number"], ["Duplicates", "number"], ["Late", "number"],
];

// Sums over the boots of one report, with missing as a count of readings.
function sums(report) {
  const total = Object.fromEntries([...SUMS, "missing"].map((key) => [key, 0]));
  for (const boot of report.boots) {
    for (const key of SUMS) total[key] += boot[key];
    total.missing += missing(boot);
  }
  return total;
}

const missing = (boot) => boot.missing.reduce((sum, [from, to]) => sum + to - from + 1, 0);

function verdict(boots, lacking) {
  if (!boots) return state("off", "nothing counted");
  return lacking ? state("bad", `${counted(lacking, "reading")} missing`) : state("good", "adds up");
}

// The account of one device, boot by boot.
export function account(report) {
  if (!report.boots.length) return empty("No reading with boot and seq has come.");
  const total = sums(report);
  return [
    h("p", { class: "verdict" }, verdict(report.boots.length, total.missing)),
    facts([
      ["Delivered", count(total.delivered)],
      ["Reported drops", count(total.dropped)],
      ["Volatile losses", count(total.volatile)],
      ["Missing", count(total.missing)],
      ["Duplicates", count(total.duplicates)],
      ["Late", count(total.late)],
    ]),
    report.boots.filter((boot) => boot.missing.length).map((boot) =>
      h("p", { class: "soft", key: `boot ${boot.boot}` }, `Boot ${boot.boot} lacks `, gaps(boot.missing))),
  ];
}

function gaps(given) {
  const words = given.slice(0, GAPS_SHOWN).map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`));
  const more = given.length - words.length;
  return h("span", { class: "digits" }, words.join(", ") + (more > 0 ? `, and ${counted(more, "more gap")}` : ""));
}

const chosen = { page: 1 };

export function ledger(page) {
  let found = null;

  // The list has the sums only: boots and missing are numbers there.
  const row = (sum) => [sum.device_id, [
    deviceLink(sum.device_id), verdict(sum.boots, sum.missing),
    ...["boots", "delivered", "dropped", "volatile", "missing", "duplicates", "late"].map((key) => count(sum[key])),
  ]];

  function list() {
    if (!found.total) return empty("No device is registered yet.");
    const off = found.devices.filter((sum) => !sum.adds_up).length;
    const isAll = found.total <= PAGE_SIZE;
    return [
      h("p", { class: "verdict" }, off
        ? state("bad", `${counted(off, "device")} ${isAll ? "" : "on this page "}with readings missing`)
        : state("good", `Every reading ${isAll ? "" : "on this page "}is accounted for`)),
      table("Ledger", COLUMNS, found.devices.map(row)),
      pager(chosen.page, PAGE_SIZE, found.total, (to) => {
        chosen.page = to;
        page.refresh();
      }),
    ];
  }

  return {
    title: "Ledger",
    async load() {
      found = (await getIfThere("/sandbox/ledger", { ...chosen, page_size: PAGE_SIZE })) ?? "none";
      if (found.total) chosen.page = Math.min(chosen.page, Math.ceil(found.total / PAGE_SIZE));
    },
    draw: () => [
      h("p", { class: "lede" }, "Taken = delivered + reported drops + volatile losses. What is in none of them is missing."),
      found === "none" ? empty("Not served.") : found && list(),
    ],
  };
}
