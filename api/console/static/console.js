/* What the console's pages need beyond htmx: a pause for what refreshes itself, a word to screen readers when the
   alarms change, and a word to everyone when refreshing fails. Every page works without it. */
"use strict";

let paused = false;
let opened = [];

function say(id, text) {
  const place = document.getElementById(id);
  if (place && place.textContent !== text) place.textContent = text;
}

function announced() {
  const source = document.querySelector("[data-announce]");
  if (source) say("announced", source.dataset.announce);
}

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("pause");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Refreshing is paused" : "Pause refreshing";
  });
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const away = document.visibilityState === "hidden";
  if (event.target.hasAttribute("data-refreshes") && (paused || away)) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", () => {
  opened = Array.from(document.querySelectorAll("details[open][id]"), (each) => each.id);
});

document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  say("stale", "");
  announced();
});

for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    const status = event.detail.xhr && event.detail.xhr.status;
    const reasons = {
      401: "your log-in has ended; reload the page",
      503: "the server is there, and its database does not answer; reload the page to read why",
    };
    if (failure === "htmx:timeout") reasons[0] = "the server takes too long, its database may not answer; reload the page to read why";
    const why = reasons[status || 0] || (status ? `the server answers with an error (${status})` : "the server does not answer");
    say("stale", `These figures are no longer refreshed: ${why}. The time below says how old they are.`);
  });
}
