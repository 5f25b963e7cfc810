// The bearer token, where the API asks for one: given by whoever looks, kept for this tab alone.
import { byId } from "./dom.js";

const KEY = "token";
let token = kept();

function kept() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // storage is off: it holds until the page is closed
  }
}

/** The headers by which a request says who asks. */
export const authorization = () => (token ? { Authorization: `Bearer ${token}` } : {});

/** Whether somebody has to give one before anything is answered. */
export const tokenIsAsked = () => !byId("token").hidden;

/** An answer said 401 to a request with the headers `used`. */
export function askForToken(used) {
  if (used.Authorization !== authorization().Authorization) return; // another one was given meanwhile
  byId("token-refused").hidden = !token;
  if (tokenIsAsked()) return;
  byId("token").hidden = false;
  byId("token-field").focus();
}

/** @param {() => void} given called when somebody gave a token */
export function onToken(given) {
  byId("token").addEventListener("submit", (event) => {
    event.preventDefault();
    token = byId("token-field").value.trim();
    byId("token-field").value = "";
    byId("token").hidden = true;
    try {
      sessionStorage.setItem(KEY, token);
    } catch {
      // as above
    }
    given();
  });
}
