// Talking with the server. Nothing that names a person ever stands in an address.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

// Where the site stands below its host, if a proxy serves it under a prefix.
export const base = meta("base");
export const who = meta("who");
export const role = meta("role");
export const shared = meta("shared") !== "";
export const idleSeconds = Number(meta("idle-seconds")) || 900;

// This page among others of the same person; `crypto.randomUUID` needs https, which a host name may lack.
const visit = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export class Trouble extends Error {
  constructor(status, { error = "The server did not answer.", remedy = "Is it still running?" } = {}) {
    super(error);
    this.status = status;
    this.remedy = remedy;
  }

  get whole() {
    return [this.message, this.remedy].filter(Boolean).join(" ");
  }
}

let signedOut = () => {};
export const whenSignedOut = (action) => { signedOut = action; };

export async function post(path, body = {}, { background = false, keepalive = false } = {}) {
  const answer = await send(path, {
    method: "POST", keepalive, body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...marks(background) },
  });
  return answer.json();
}

export async function get(path, { background = false } = {}) {
  return (await send(path, { headers: marks(background) })).json();
}

export async function blob(path, { background = false, signal } = {}) {
  return (await send(path, { headers: marks(background), signal })).blob();
}

function marks(background) {
  return { "X-CSRF-Token": meta("csrf-token"), "X-Visit": visit, ...(background ? { "X-Background": "1" } : {}) };
}

async function send(path, options) {
  let answer;
  try {
    answer = await fetch(`${base}/api${path}`, { cache: "no-store", credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble(0);
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401) signedOut();
  throw new Trouble(answer.status, said);
}
