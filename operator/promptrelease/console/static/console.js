// What pages do beyond links and forms. Everything works without it.
"use strict";

(() => {
  const MINUTE = 60, HOUR = 3600, DAY = 86400;
  const language = document.documentElement.lang || "en";
  const full = new Intl.DateTimeFormat(language, {
    dateStyle: "full", timeStyle: "long",
  });
  const short = new Intl.DateTimeFormat(language, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
  });
  const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

  // Times come in UTC: say them as the reader's clock does, with the exact one beside.
  function told(at, form) {
    const seconds = (at.getTime() - Date.now()) / 1000;
    const far = Math.abs(seconds);
    if (form === "full" || far >= 7 * DAY) return short.format(at);
    if (far < MINUTE) return seconds > 0 ? "in a moment" : "just now";
    if (far < HOUR) return ago.format(Math.round(seconds / MINUTE), "minute");
    if (far < DAY) return ago.format(Math.round(seconds / HOUR), "hour");
    return ago.format(Math.round(seconds / DAY), "day");
  }

  function times(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const text = told(at, time.dataset.form);
      if (time.textContent !== text) time.textContent = text;
      if (!time.title) time.title = full.format(at);
    }
  }

  times(document);
  setInterval(() => { if (!document.hidden) times(document); }, 30000);

  // Ctrl+K or ⌘K: to the search, where a page has one.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    const search = document.querySelector("input[type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // A form is sent once; whoever comes back to the page may send it again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.getAttribute("aria-busy") === "true") event.preventDefault();
    else form.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
  });

  // What is fetched behind one's back: not for a tab that nobody sees, and failures are told.
  const show = (id, shown) => {
    const note = document.getElementById(id);
    if (note) note.hidden = !shown;
  };
  const on = (name, listener) => document.body.addEventListener(name, listener);
  on("htmx:load", (event) => times(event.detail.elt.parentNode || document));
  on("htmx:beforeRequest", (event) => {
    if (event.detail.elt.hasAttribute("data-live") && document.hidden) event.preventDefault();
  });
  on("htmx:sendError", () => show("lost", true));
  on("htmx:timeout", () => show("lost", true));
  on("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    // Not theirs to see any more, or gone: the whole page says so.
    if (event.detail.elt.hasAttribute("data-live") && (status === 403 || status === 404)) location.reload();
    else if (status >= 500 || status === 429) show("lost", true);
  });
  on("signed-out", () => show("out", true));
  on("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    show("lost", false);
    show("out", false);
  });
})();
