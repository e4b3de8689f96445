// Followers of the own accounts: how many look like spam, how they grew, whom to look at. A likelihood is no verdict.

import { ask, capital, el, foreign, grouped, many, percent, sayOfAuthor, when } from "./format.js";

/// As many as are asked for; the first are shown, the rest is a click away.
const NAMED = 200;
const SHOWN = 20;
const WORDS = [[0.8, "Likely spam"], [0.5, "Perhaps spam"], [0, "Hard to say"]];
/// No likelihood is a certainty, whatever it rounds to.
const CERTAIN = 0.99;

let accounts = [];
/// Answers that come late are for nobody.
let round = 0;

/// Asks which accounts there are, then for the one that is chosen.
export async function showFollowers(parts, onFault) {
  const mine = ++round;
  try {
    const found = (await ask("/followers")).items;
    if (mine !== round) return;
    const chosen = key(accounts[parts.own.value]);
    accounts = found;
    parts.own.replaceChildren(...found.map((account, n) => el("option", { value: n, selected: key(account) === chosen }, named(account, found))));
  } catch (problem) {
    return failed(parts, problem, onFault);
  }
  parts.own.hidden = accounts.length < 2;
  parts.days.hidden = accounts.length === 0;
  await showAccount(parts, onFault);
}

export async function showAccount(parts, onFault) {
  const mine = ++round;
  const account = accounts[parts.own.value];
  if (!account) return parts.list.replaceChildren(...noAccount());
  parts.list.replaceChildren(el("p", { class: "quiet", role: "status" }, "Looking at the followers of ", foreign(account.handle), " …"));
  const path = `/followers/${encodeURIComponent(account.account || account.handle)}`;
  const asked = (more) => `${path}?${new URLSearchParams({ source: account.source, ...more })}`;
  try {
    const found = await ask(asked({ days: parts.days.value, limit: NAMED }));
    if (mine === round) parts.list.replaceChildren(...report(found, parts.days.value, asked, says(found.source, parts.me, onFault)));
  } catch (problem) {
    if (mine === round) failed(parts, problem, onFault);
  }
}

const key = (account) => account && JSON.stringify([account.source, account.handle]);

/// With its source where another has the same handle.
const named = ({ handle, source }, all) => all.some((other) => other.handle === handle && other.source !== source) ? `${handle} (${source})` : handle;

function failed(parts, problem, onFault) {
  onFault(problem);
  parts.list.replaceChildren(el("p", { class: "empty" }, "The followers cannot be shown right now."));
}

const noAccount = () => [el("p", { class: "empty" }, el("strong", {}, "No own account is configured."), " Name the accounts of your brand in reputed.toml, as ", el("code", {}, "[[brand.account]]"),
  ": who follows them is then listed once a day, and heard where the network tells it.")];

/// Keeps what a person says of a follower; nothing for those who may not say.
function says(source, me, onFault) {
  if (!me.role || me.role === "viewer") return null;
  return async (id, spam) => {
    try {
      await sayOfAuthor(source, id, spam);
      return true;
    } catch (problem) {
      onFault(problem);
      return false;
    }
  };
}

function report(found, days, asked, say) {
  const { share, snapshot, heard_since: heard } = found;
  if (share.known + share.unknown === 0 && !heard) {
    return [el("p", { class: "empty" }, el("strong", {}, "No followers listed yet."), " The list is read once a day, where the network gives it. “What we hear”, beside the mentions, tells how far that is.")];
  }
  return [
    el("section", { class: "sheet" }, headline(share), ...cautions(found), standing(snapshot, heard)),
    growth(found, days, asked),
    waves(found.waves),
    ...together(found.groups),
    worth(found, say),
    el("p", { class: "downloads" }, "As tables (CSV): ", file("all followers", asked({ format: "csv" })), ", ",
      file("growth", asked({ format: "csv", of: "growth", days })), ". As a picture (SVG): ",
      file("growth", asked({ format: "svg", days })), "."),
  ];
}

const file = (text, path) => el("a", { href: `/api/v1${path}`, download: true }, text);

/* In words */

const share = (part) => part > 0 && part < 0.005 ? `less than ${percent(0.01)}` : percent(part);
const between = ({ low, high }) => `between ${Math.round(low * 100)} and ${percent(high)}`;

function headline({ spam, low, high, known, unknown }) {
  if (known + unknown === 0) return el("p", { class: "headline" }, "Nobody follows, as far as we know.");
  if (known === 0) return el("p", { class: "headline" }, `${many(unknown, "follower")}, and no profile is known yet: nothing can be said of them.`);
  return el("p", { class: "headline" }, el("strong", {}, capital(share(spam))), ` of ${many(known, "follower")} ${known === 1 ? "looks" : "look"} like spam, ${between({ low, high })}.`);
}

function cautions({ share, looked_at: looked }) {
  const all = share.known + share.unknown;
  return [
    share.strange ? el("p", { class: "caution" }, "These followers are unlike those that the model was measured on, so the estimate is wide. Look at some of them before you say more.") : null,
    share.known && share.unknown ? el("p", { class: "quiet" }, `Of ${grouped(share.unknown)} more no profile is known; they are not counted.`) : null,
    looked < all ? el("p", { class: "quiet" }, `${grouped(looked)} were looked at one by one, the other ${grouped(all - looked)} only counted.`) : null,
  ].filter(Boolean);
}

/// What the numbers rest on.
function standing(snapshot, heard) {
  const since = heard ? ["Follows are heard since ", day(heard), "."] : [];
  if (!snapshot) return el("p", { class: "quiet" }, "No list was read yet. ", ...since);
  const of = snapshot.total === null ? "" : ` of ${grouped(snapshot.total)}`;
  const read = `${grouped(snapshot.named)}${of}`;
  const list = {
    open: ["The list is being read: ", read, " so far. "],
    whole: ["The list was read ", when(snapshot.ended_at || snapshot.began_at), ": ", read, ". "],
    short: ["The server named ", read, " and no more, ", when(snapshot.began_at), ". "],
    hidden: ["The server keeps the list to itself. "],
  }[snapshot.state];
  return el("p", { class: "quiet" }, ...list, ...since);
}

const day = (text) => new Date(text).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
const clock = { hour: "2-digit", minute: "2-digit" };
const minute = (text) => new Date(text).toLocaleString(undefined, { day: "numeric", month: "short", ...clock });

function fromTo(from, until) {
  if (!until) return `${minute(from)}, still going on`;
  return `${minute(from)} to ${day(from) === day(until) ? new Date(until).toLocaleTimeString(undefined, clock) : minute(until)}`;
}

function growth({ growth: points }, days, asked) {
  const sum = (part) => grouped(Math.round(points.reduce((all, point) => all + part(point), 0)));
  const [genuine, spam, unknown, gone] = [(p) => p.genuine.value, (p) => p.spam.value, (p) => p.unknown, (p) => p.unfollows];
  const came = sum((point) => genuine(point) + spam(point) + unknown(point));
  const words = `${came} new followers in ${many(days, "day")}: about ${sum(genuine)} genuine, ${sum(spam)} likely spam, ${sum(unknown)} unknown. ${sum(gone)} unfollowed.`;
  const shown = points.length === 0
    ? [el("p", { class: "empty" }, "Nothing was recorded in this time.")]
    : [el("div", { class: "drawn" }, el("img", { class: "growth", src: `/api/v1${asked({ format: "svg", days })}`, alt: words, width: 960, height: 360 })), el("p", {}, words)];
  return el("section", { class: "sheet" }, el("h2", {}, "Growth"), shown);
}

function waves(found) {
  const title = el("h2", {}, "Waves of new followers");
  if (found.length === 0) return el("section", { class: "sheet" }, title, el("p", { class: "quiet" }, "None: nobody came in a burst."));
  return el("section", { class: "sheet" }, title, el("ul", { class: "stack" }, [...found].reverse().map(wave)));
}

function wave({ from, until, counted, expected, excess }) {
  const [usual, beyond] = [grouped(Math.round(expected)), grouped(Math.round(excess.count))];
  return el("li", { class: `wave ${excess.reading}` },
    el("strong", {}, fromTo(from, until)),
    el("p", {}, `${many(counted, "new follower")} where about ${usual} would be usual. Of the ${beyond} beyond that, ${between(excess)} look like spam${reading(excess)}.`));
}

function reading({ reading: word, low, high }) {
  if (word === "spam") return ": most of them";
  if (word === "people") return ": these are people, for the most part";
  if (low < 0.5 && high > 0.25) return ": who they are is not clear";
  // The interval is narrow, and yet nothing is said of them.
  return ", but they are unlike those that the model was measured on: look at some of them";
}

function together(groups) {
  if (groups.length === 0) return [];
  const patterns = groups.some(({ shares }) => shares.some((words) => words.startsWith("handles like")));
  return [el("section", { class: "sheet" }, el("h2", {}, "Look made together"),
    el("ul", { class: "groups" }, groups.map(({ members, shares }) => el("li", {}, el("strong", {}, many(members, "follower")), ": ", foreign(shares.join(", "))))),
    patterns ? el("p", { class: "quiet" }, "In handles, “a” stands for letters and “9” for a digit.") : null)];
}

/* One by one */

function worth({ suspicious, suspicious_in_all: all, share }, say) {
  const title = el("h2", {}, "Worth a look ", el("span", { class: "count" }, grouped(all)));
  if (suspicious.length === 0) {
    return el("section", { class: "sheet" }, title, el("p", { class: "quiet" }, share.known ? "Nobody: no single follower stands out." : "Nobody can be judged yet."));
  }
  const list = el("ol", { class: "suspects" }, suspicious.slice(0, SHOWN).map((one) => suspect(one, say)));
  const rest = suspicious.slice(SHOWN);
  const more = el("button", { type: "button", onclick: () => { list.append(...rest.map((one) => suspect(one, say))); more.remove(); } }, `Show ${grouped(rest.length)} more`);
  return el("section", { class: "sheet" }, title,
    el("p", { class: "quiet" }, "A likelihood is a reason to look, not a verdict. People who are new, or who follow many and never post, are often mistaken for spam.",
      say ? " What you say of a follower wins over it, here and wherever they write." : null),
    list, rest.length ? el("p", { class: "end" }, more) : null,
    all > suspicious.length ? el("p", { class: "quiet" }, "The table has all of them.") : null);
}

function suspect(one, say) {
  const [item, asSaid] = [el("li"), typeof one.said === "boolean"];
  const render = () => item.replaceChildren(...judged(one, say && one.id && (async (said) => {
    for (const button of item.querySelectorAll("button")) button.disabled = true;
    if (await say(one.id, said === null ? null : said ? "yes" : "no")) {
      // Of whom a person had said it, the model was not asked.
      if (said === null && asSaid) [one.spam, one.reasons] = [null, []];
      one.said = said;
    }
    render();
  })));
  render();
  return item;
}

function judged({ id, handle, name, spam, said, reasons }, change) {
  const who = handle || name || id || "unknown";
  const likely = typeof said === "boolean"
    ? [said ? "Spam" : "Not spam", el("span", { class: "quiet" }, ", said by a person")]
    : spam === null ? [el("span", { class: "quiet" }, "The model judges")]
    : [WORDS.find(([least]) => spam >= least)[1], " ", el("span", { class: "quiet" }, spam > CERTAIN ? `over ${percent(CERTAIN)}` : percent(spam))];
  const button = (text, word) => el("button", { type: "button", "aria-label": `${text}: ${who}`, onclick: () => change(word) }, text);
  const buttons = typeof said === "boolean" ? [button("Take back", null)] : [button("Spam", true), button("Not spam", false)];
  return [
    el("p", { class: "who" }, foreign(who, "strong"), name && name !== who ? foreign(name, "bdi", { class: "quiet" }) : null),
    el("p", { class: "likely" }, likely),
    el("p", { class: "reasons" }, foreign(reasons.join("; ") || (spam === null ? "as you will see when this page is loaded anew" : "nothing by itself, all together"))),
    change ? el("p", { class: "controls" }, buttons) : null,
  ].filter(Boolean);
}
