// How things are shown. Whatever others wrote goes through textContent only; links lead to http and https only.

/// An element: attributes, then children (texts and elements; what is null is left out).
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/// A foreign text that cannot turn the direction of what stands beside it.
export function foreign(text, tag = "bdi", attributes = {}) {
  const node = el(tag, { dir: "auto", ...attributes });
  node.textContent = text;
  return node;
}

/// An address to link to, or null for what is no http(s) address.
export function address(text) {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

export function link(text, href, attributes = {}) {
  const target = href && address(href);
  if (!target) return foreign(text);
  return foreign(text, "a", { href: target, rel: "noopener noreferrer nofollow", target: "_blank", ...attributes });
}

/// A text as nodes, its addresses as links.
export function linked(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'\u201c\u201d]+/gi)) {
    const found = match[0].replace(/[.,;:!?)\]}]+$/, "");
    nodes.push(document.createTextNode(text.slice(end, match.index)), link(shortened(found), found, { title: found }));
    end = match.index + found.length;
  }
  nodes.push(document.createTextNode(text.slice(end)));
  return nodes;
}

const LINK_LETTERS = 60;

function shortened(text) {
  const bare = text.replace(/^https?:\/\/(www\.)?/i, "").replace(/\/$/, "");
  return bare.length > LINK_LETTERS ? `${bare.slice(0, LINK_LETTERS - 1)}…` : bare;
}

const UNITS = [[60, "s"], [60, "min"], [24, "h"], [7, "d"], [Infinity, "wk"]];

export function span(seconds) {
  let amount = Math.max(0, seconds);
  for (const [size, unit] of UNITS) {
    if (amount < size) return `${Math.floor(amount)} ${unit}`;
    amount /= size;
  }
  return "";
}

function ago(at) {
  const seconds = (Date.now() - at) / 1000;
  return seconds < 10 ? "just now" : `${span(seconds)} ago`;
}

/// A time that keeps telling its age; see `tick`.
export function when(text) {
  const at = Date.parse(text);
  if (Number.isNaN(at)) return foreign(String(text), "span");
  const node = el("time", { datetime: text, title: new Date(at).toLocaleString() });
  node.textContent = ago(at);
  return node;
}

export function tick() {
  for (const node of document.querySelectorAll("time[datetime]")) {
    node.textContent = ago(Date.parse(node.dateTime));
  }
}

export const grouped = (number) => Number(number).toLocaleString();
export const percent = (share) => `${Math.round(share * 100)}\u00a0%`;
export const signed = (number) => `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(2)}`;
export const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);
export const many = (count, word) => `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;

/// Asks the API; throws the problem that it answers.
export async function ask(path, method = "GET", body = undefined) {
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: { "X-Reputed": "1", ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw { status: 0, detail: "The daemon does not answer.", errors: [] };
  }
  if (response.status === 401) {
    location.assign("/login");
    throw { status: 401, detail: "Logged out.", errors: [] };
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw { status: response.status, detail: answer.detail || response.statusText, errors: answer.errors || [] };
  return answer;
}

/// Keeps a person's word on whether an author is spam: "yes", "no", or null to take it back.
export const sayOfAuthor = (source, id, spam) => ask(`/authors/${encodeURIComponent(source)}/${encodeURIComponent(id)}`, "PATCH", { spam });
