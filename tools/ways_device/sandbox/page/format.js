// Values, times and counts as people read them.

const NUMBER = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const HOUR = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const CLOCK = new Intl.DateTimeFormat(undefined, { ...HOUR, second: "2-digit" });
const MINUTE = new Intl.DateTimeFormat(undefined, HOUR);
const DATED = new Intl.DateTimeFormat(undefined, { ...HOUR, day: "numeric", month: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

export const NOTHING = "–";

// Times are Unix seconds from here on; the API's are ISO text.
export const epoch = (iso) => (iso ? Date.parse(iso) / 1000 : null);
export const clock = (time) => CLOCK.format(time * 1000);
export const minute = (time) => MINUTE.format(time * 1000);
export const day = (time) => DAY.format(time * 1000);
export const full = (time) => FULL.format(time * 1000);

export function moment(time, now) {
  return Math.abs(now - time) < 43_200 ? clock(time) : DATED.format(time * 1000);
}

export function ago(time) {
  const age = Math.max(0, Date.now() / 1000 - time);
  if (age < 60) return `${Math.floor(age)} s ago`;
  if (age < 3600) return `${Math.floor(age / 60)} min ago`;
  if (age < 172_800) return `${Math.floor(age / 3600)} h ago`;
  return `${Math.floor(age / 86_400)} days ago`;
}

export function count(value) {
  return value === null || value === undefined ? NOTHING : NUMBER.format(value);
}

// "1 reading", "2 readings"
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

// A value of a datapoint, with its unit if it is a number.
export function value(given, unit) {
  if (given === true) return "on";
  if (given === false) return "off";
  if (typeof given !== "number") return String(given ?? NOTHING);
  return unit ? `${number(given)}\u00a0${unit}` : number(given);
}

export function number(given) {
  const size = Math.abs(given);
  if (size !== 0 && (size >= 1e9 || size < 1e-4)) return Number(given.toPrecision(4)).toExponential().replace("e+", "e");
  return NUMBER.format(given);
}
