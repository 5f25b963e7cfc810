// How the page asks: with the token, where there is one, and of its own origin alone.
import { askForToken, authorization } from "./token.js";

export const TIMEOUT_MS = 8_000;

/** `fetch` with the token; where that is not good enough, somebody is asked for another one. */
export async function authorized(path, { headers, ...options } = {}) {
  const used = authorization();
  const response = await fetch(path, { ...options, headers: { ...headers, ...used }, credentials: "same-origin", cache: "no-store" });
  if (response.status === 401) askForToken(used);
  return response;
}

/** JSON or text of a path; null where there is no such resource. Throws where nothing is answered. */
export async function answer(path, signal) {
  const response = await authorized(path, { signal });
  if (response.status === 404) return null;
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("text/plain") && response.ok) return response.text();
  // /health/ready says 503 and why, in JSON; a problem (RFC 9457) is no answer
  if (!type.startsWith("application/json")) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** One answer, once; null where there is none. For what does not change. */
export async function once(path) {
  try {
    const response = await authorized(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
