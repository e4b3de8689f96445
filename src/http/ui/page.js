// The page: asks the lists once, then lets the event stream bring what is new.

import { ask, el, grouped, many, tick } from "./format.js";
import { mentionItem } from "./mention.js";
import { showAlerts } from "./alert.js";
import { showLedger } from "./ledger.js";
import { showAccount, showFollowers } from "./follower.js";

const PAGE = 50;
/// More than anybody scrolls through; older ones are a click away.
const SHOWN_MAX = 300;
/// Mentions held back while paused; beyond, the list is asked again.
const WAITING_MAX = 100;
const LEDGER_EVERY = 10_000;
const TICK_EVERY = 15_000;
const RETRY_AFTER = 5_000;
/// Many alert events in a burst are one look at the list.
const ALERTS_AFTER = 300;
/// Scrolled further down than this, the reader is reading: the list must not move.
const READING_FROM = 200;

const at = (id) => document.getElementById(id);
const state = { query: "", cursor: null, total: 0, paused: false, waiting: [], stream: null, broken: false, me: {}, round: 0 };

/* Faults */

function showFault(problem) {
  const box = at("fault");
  const parts = [el("p", {}, problem.detail)];
  for (const error of problem.errors || []) parts.push(queryFault(error));
  box.replaceChildren(...parts, el("button", { class: "plain", type: "button", onclick: hideFault }, "Dismiss"));
  box.hidden = false;
}

function hideFault() {
  at("fault").hidden = true;
  at("q").removeAttribute("aria-invalid");
}

/// The query with the wrong part underlined. Spans count bytes of UTF-8.
function queryFault({ span, message, hint }) {
  const said = el("p", {}, message, hint ? `: ${hint}` : null);
  if (!span) return said;
  at("q").setAttribute("aria-invalid", "true");
  const bytes = new TextEncoder().encode(state.query);
  const part = (from, to) => new TextDecoder().decode(bytes.slice(from, to));
  const wrong = part(span.start, span.end) || "\u2002";
  return el("div", {}, el("pre", {}, part(0, span.start), el("mark", {}, wrong), part(span.end)), said);
}

/* Mentions */

async function loadMentions(more = false) {
  const round = more ? state.round : ++state.round;
  const params = new URLSearchParams({ q: state.query, limit: PAGE });
  if (more && state.cursor) params.set("cursor", state.cursor);
  let found;
  try {
    found = await ask(`/mentions?${params}`);
  } catch (problem) {
    if (round === state.round) {
      if (!more) showEnd(0, problem);
      showFault(problem);
    }
    return false;
  }
  if (round !== state.round) return false;
  if (!more) {
    hideFault();
    state.waiting = [];
    showWaiting();
    at("mention-list").replaceChildren();
  }
  at("mention-list").append(...found.items.map(item));
  Object.assign(state, { cursor: found.cursor, total: found.total });
  showEnd(found.total);
  return true;
}

const item = (mention) => mentionItem(mention, state.me, showFault);

function showEnd(total, problem = null) {
  at("mention-count").textContent = problem ? "" : grouped(total);
  const end = at("mention-end");
  if (problem) {
    at("mention-list").replaceChildren();
    end.replaceChildren(el("p", { class: "empty" }, problem.status === 400 ? "The query cannot be read; see above." : "The mentions cannot be shown right now."));
  } else if (at("mention-list").childElementCount === 0) {
    end.replaceChildren(state.query
      ? el("p", { class: "empty" }, el("strong", {}, "Nothing matches."), " Words are found whole: try fewer of them, or a star as in ", el("code", {}, "refund*"), ".")
      : el("p", { class: "empty" }, el("strong", {}, "Nothing yet:"), " nobody has said anything that your watches ask for. “What we hear” tells whether we listen; new mentions appear here by themselves."));
  } else if (state.cursor) {
    end.replaceChildren(el("button", { type: "button", onclick: () => loadMentions(true) }, "Older mentions"));
  } else {
    end.replaceChildren(el("p", { class: "quiet" }, "That is all."));
  }
}

/// An edit or a new judgement of one that is shown takes its place; a new one goes on top or waits.
function arrived(mention) {
  const shown = at("mention-list").querySelector(`:scope > [data-seq="${Number(mention.seq)}"]`);
  if (mention.deleted) {
    state.waiting = state.waiting.filter((waiting) => waiting.seq !== mention.seq);
    shown?.remove();
    return showWaiting();
  }
  if (shown) return shown.contains(document.activeElement) ? undefined : shown.replaceWith(item(mention));
  const known = state.waiting.findIndex((waiting) => waiting.seq === mention.seq);
  if (known >= 0) state.waiting.splice(known, 1, mention);
  else state.waiting.unshift(mention);
  if (known < 0) state.total += 1;
  if (!state.paused && window.scrollY < READING_FROM) takeIn();
  else showWaiting();
}

function takeIn() {
  const waiting = state.waiting.splice(0);
  if (waiting.length > WAITING_MAX) return loadMentions();
  const list = at("mention-list");
  list.prepend(...waiting.map((mention) => {
    const node = item(mention);
    node.classList.add("arrived");
    return node;
  }));
  while (list.childElementCount > SHOWN_MAX) list.lastElementChild.remove();
  at("mention-count").textContent = grouped(state.total);
  if (waiting.length) {
    if (list.childElementCount === waiting.length) showEnd(state.total);
    at("said").textContent = many(waiting.length, "new mention");
  }
  showWaiting();
}

function showWaiting() {
  const count = state.waiting.length;
  if (count > WAITING_MAX * 2) state.waiting.length = WAITING_MAX + 1;
  at("fresh").hidden = count === 0;
  at("fresh").textContent = `Show ${count > WAITING_MAX ? `more than ${WAITING_MAX} new mentions` : many(count, "new mention")}`;
  document.title = count ? `(${count > WAITING_MAX ? `${WAITING_MAX}+` : count}) reputed` : "reputed";
}

function pause(paused) {
  state.paused = paused;
  at("pause").textContent = paused ? "Go on" : "Pause";
  at("pause").setAttribute("aria-pressed", String(paused));
  showLink();
  if (!paused) takeIn();
}

/* Alerts and ledger */

let alertsDue = null;

async function loadAlerts() {
  alertsDue = null;
  try {
    const [open, acknowledged] = await Promise.all(["open", "acknowledged"].map((word) => ask(`/alerts?state=${word}&limit=${PAGE}`)));
    const alerts = [...open.items, ...acknowledged.items];
    at("alert-count").textContent = open.items.length ? `${grouped(open.items.length)}${open.cursor ? "+" : ""}` : "";
    showAlerts(at("alert-list"), alerts, state.me, showFault);
  } catch (problem) {
    at("alert-list").replaceChildren(el("p", { class: "empty" }, "The alerts cannot be shown: ", problem.detail));
  }
}

const alertsSoon = () => { alertsDue ??= setTimeout(loadAlerts, ALERTS_AFTER); };

async function loadLedger() {
  try {
    showLedger(at("ledger-list"), (await ask("/sources")).items);
  } catch (problem) {
    at("ledger-list").replaceChildren(el("p", { class: "empty" }, "The ledger cannot be shown: ", problem.detail));
  }
}

/* Views: mentions with all that is live, and followers, which are asked for when they are looked at */

const followers = () => ({ list: at("follower-list"), own: at("own"), days: at("days"), me: state.me });

function showView() {
  const of = location.hash === "#followers";
  at("mention-view").hidden = of;
  at("follower-view").hidden = !of;
  for (const [id, here] of [["to-mentions", !of], ["to-followers", of]]) {
    if (here) at(id).setAttribute("aria-current", "page");
    else at(id).removeAttribute("aria-current");
  }
  if (of) showFollowers(followers(), showFault);
}

/* The event stream */

function listen() {
  const stream = new EventSource(`/api/v1/stream?${new URLSearchParams({ q: state.query })}`);
  state.stream = stream;
  stream.onopen = () => {
    // What happened while we were away stands in the lists only.
    if (state.broken) { loadMentions(); loadAlerts(); loadLedger(); }
    state.broken = false;
    showLink();
  };
  stream.onerror = () => {
    state.broken = true;
    showLink();
    // The browser gives up after an answer that is no stream: ask again ourselves, which also finds out a log-out.
    if (stream.readyState === EventSource.CLOSED) setTimeout(again, RETRY_AFTER);
  };
  const again = async () => {
    const alive = await ask("/me").then(() => true, () => false);
    if (state.stream !== stream) return;
    if (alive) listen();
    else setTimeout(again, RETRY_AFTER);
  };
  stream.addEventListener("mention", (event) => arrived(JSON.parse(event.data)));
  stream.addEventListener("alert", alertsSoon);
  stream.addEventListener("lagged", () => loadMentions());
}

function showLink() {
  const word = !state.stream ? "idle" : state.broken ? "broken" : state.paused ? "paused" : state.stream.readyState === EventSource.OPEN ? "live" : "connecting";
  at("link").dataset.state = word;
  at("link").textContent = { broken: "Reconnecting", paused: "Paused", live: "Live", connecting: "Connecting", idle: "Not live" }[word];
}

async function search() {
  state.query = at("q").value.trim();
  history.replaceState(null, "", (state.query ? `/?${new URLSearchParams({ q: state.query })}` : "/") + location.hash);
  state.stream?.close();
  state.stream = null;
  // A query that cannot be read has no stream; one that could not be answered just now is tried by the stream.
  if ((await loadMentions()) || !at("q").hasAttribute("aria-invalid")) listen();
  showLink();
}

/// Ways to go on with the query, as the browser's own list: each option is the whole query. Later answers win.
let asking = 0;
async function offer(text) {
  const round = ++asking;
  let found = { start: 0, items: [] };
  if (text) found = await ask(`/completions?${new URLSearchParams({ q: text })}`).catch(() => found);
  if (round !== asking) return;
  const before = new TextDecoder().decode(new TextEncoder().encode(text).slice(0, found.start));
  at("offers").replaceChildren(...found.items.map((item) => el("option", { value: before + item.text }, item.means)));
}

async function start() {
  at("q").value = new URLSearchParams(location.search).get("q") || "";
  at("search").addEventListener("submit", (event) => { event.preventDefault(); location.hash = ""; search(); });
  window.addEventListener("hashchange", showView);
  for (const id of ["own", "days"]) at(id).addEventListener("change", () => showAccount(followers(), showFault));
  at("q").addEventListener("input", (event) => { if (event.target.value === "" && state.query) search(); offer(event.target.value); });
  at("pause").addEventListener("click", () => pause(!state.paused));
  at("fresh").addEventListener("click", () => { takeIn(); window.scrollTo({ top: 0 }); });
  at("logout").addEventListener("click", async () => {
    await fetch("/logout", { method: "POST", headers: { "X-Reputed": "1" }, redirect: "manual" }).catch(() => {});
    location.assign("/login");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    at("q").focus();
  });
  try {
    state.me = await ask("/me");
  } catch (problem) {
    showFault(problem);
  }
  showView();
  await Promise.all([search(), loadAlerts(), loadLedger()]);
  setInterval(() => { if (!document.hidden) loadLedger(); }, LEDGER_EVERY);
  setInterval(tick, TICK_EVERY);
}

start();
