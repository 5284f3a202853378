// Where things are in a chart: ticks, gaps and the path of a line. No elements here.

const TIME_STEPS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 345_600];
const DAY_S = 86_400;
const MINUTE_S = 60;
const FEW = 2;

// Round values from low to high, about count of them.
export function valueTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((one) => one * power >= rough) * power;
  const ticks = [];
  for (let n = Math.ceil(low / step); n * step <= high && ticks.length < 20; n += 1) {
    ticks.push(Number((n * step).toPrecision(12)));
  }
  return ticks;
}

// Round local times from start to end, at most count. Returns { ticks, isDaily }.
export function timeTicks(start, end, count) {
  const step = TIME_STEPS_S.find((one) => (end - start) / one <= count) ?? TIME_STEPS_S.at(-1);
  const zone = new Date(end * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let at = Math.ceil((start - zone) / step) * step + zone; at <= end; at += step) {
    ticks.push(at);
  }
  return { ticks, isDaily: step >= DAY_S };
}

// From which silence on there is a gap: well over the usual distance of two points. What is
// usual shows only in some points; until then once a minute is.
export function gapLimit(points, stepS) {
  const distances = points.slice(1).map((point, index) => point[0] - points[index][0]);
  distances.sort((one, other) => one - other);
  const usual = distances.length < FEW ? MINUTE_S : distances[(distances.length - 1) >> 1];
  return 2.5 * Math.max(usual, stepS);
}

// Split points where they are further apart than limit.
export function runs(points, limit) {
  const found = [];
  points.forEach((point, index) => {
    if (index === 0 || point[0] - points[index - 1][0] > limit) found.push([]);
    found.at(-1).push(point);
  });
  return found;
}

// The silences between runs, and after the last one, as [from, to].
export function gaps(found, end, limit) {
  return found
    .map((run, index) => [run.at(-1)[0], found[index + 1]?.[0][0] ?? end])
    .filter(([from, to]) => to - from > limit);
}

// The range of numbers to show, with some air.
export function extent(points) {
  let low = Math.min(...points.map((point) => point[2]));
  let high = Math.max(...points.map((point) => point[3]));
  const air = (high - low) * 0.08 || Math.abs(high) * 0.02 || 1;
  return [low - air, high + air];
}

// Equal values that follow each other within limit, as { value, isMixed, from, to }.
export function spans(points, end, limit) {
  const found = [];
  points.forEach(([at, value, isMixed], index) => {
    const next = points[index + 1]?.[0] ?? end;
    const to = next - at > limit ? Math.min(at + limit / 2.5, next) : next;
    const before = found.at(-1);
    if (before && before.to === at && before.value === value && before.isMixed === isMixed) {
      before.to = to;
    } else {
      found.push({ value, isMixed, from: at, to });
    }
  });
  return found;
}

export const line = (run, x, y) =>
  run.map(([at, value], index) => `${index ? "L" : "M"}${x(at)},${y(value)}`).join("");

// The area between the lowest and the highest value of each step.
export function area(run, x, y) {
  const above = run.map((point) => `${x(point[0])},${y(point[3])}`);
  const below = run.map((point) => `${x(point[0])},${y(point[2])}`).reverse();
  return `M${[...above, ...below].join("L")}Z`;
}

// Index of the point that is nearest to time; points are in order.
export function nearest(points, time) {
  let low = 0;
  let high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < time) low = middle;
    else high = middle;
  }
  return time - points[low][0] <= points[high][0] - time ? low : high;
}
