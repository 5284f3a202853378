// The sandbox's API: one request at a time, with the key in a header and nowhere else.

const KEY = "ways-sandbox-key";
const DEADLINE_MS = 10_000;

// The sandbox refused the key, or there is none.
export class Refused extends Error {}
// No answer came: it is stopped, or starting, or hangs.
export class Away extends Error {}
// It answered that this cannot be done. status is the HTTP status.
export class Failed extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;
export const forgetKey = () => sessionStorage.removeItem(KEY);

// Keep the key for this tab. Returns false if it cannot be a key, so cannot be sent.
export function keepKey(text) {
  const key = text.trim();
  if (!/^[\x21-\x7e]{1,500}$/.test(key)) return false;
  sessionStorage.setItem(KEY, key);
  return true;
}

let last = Promise.resolve();

// Returns the JSON of the answer, null without one. Throws Refused, Away or Failed.
export function call(method, path, body) {
  const answer = last.then(() => send(method, path, body));
  last = answer.catch(() => {});
  return answer;
}

export const get = (path, query) => call("GET", path + asQuery(query));
export const post = (path, body) => call("POST", path, body);

// get() for what a device or a platform may not have: null instead of a 404 or 501.
export async function getIfThere(path, query) {
  try {
    return await get(path, query);
  } catch (error) {
    if (error instanceof Failed && [404, 501].includes(error.status)) return null;
    throw error;
  }
}

function asQuery(query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

async function send(method, path, body) {
  const key = sessionStorage.getItem(KEY);
  if (key === null) throw new Refused("no key");
  const headers = { "X-API-Key": key };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer, text;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    text = await answer.text();
  } catch {
    throw new Away("no answer");
  }
  const json = parsed(text);
  if (answer.status === 401) throw new Refused(said(json));
  if (!answer.ok) throw new Failed(answer.status, said(json) || `Answer ${answer.status}`);
  if (json === undefined) throw new Failed(answer.status, "The answer was not JSON");
  return json;
}

function parsed(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// The words of an error body, whichever shape the sandbox was told to give it.
function said(json) {
  const inner = json?.error?.message ?? json?.detail ?? json?.error ?? json?.message;
  if (Array.isArray(inner)) return inner.map((one) => one?.msg).join("; ");
  return typeof inner === "string" ? inner : "";
}
