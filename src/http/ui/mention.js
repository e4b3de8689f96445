// One mention: who said what, what we make of it and how sure we are, why it is here.

import { ask, capital, el, foreign, link, linked, percent, sayOfAuthor, signed, when } from "./format.js";

const STATUS = ["new", "open", "answered", "done", "ignored"];
const LABELS = ["negative", "neutral", "positive"];
const OWN = "own/post";
const TEXT_LETTERS = 600;
/// Below, a label is a guess among three and gets no colour.
const SURE = 0.5;
/// The reason of a likelihood that a person gave.
const SAID = "a person said so";
/// Below, what the model says is not worth a person's glance. It sees irony in half of everything.
const WORTH_SHOWING = { complaint: 0.5, offensive: 0.5, irony: 0.7, spam: 0.5 };
/// Cues, not a probability: no percentage.
const ANSWER = [[0.7, "Needs an answer"], [0.5, "May need an answer"]];

export function mentionItem(mention, me, onFault) {
  const item = el("li", { class: "mention", "data-seq": mention.seq });
  const render = (now) => {
    const path = `/mentions/seq:${now.seq}`;
    const shown = async (answer) => {
      try {
        render(await answer());
      } catch (problem) {
        render(now);
        onFault(problem);
      }
    };
    const change = (to) => shown(() => ask(path, "PATCH", to));
    const say = (spam) => shown(async () => {
      await sayOfAuthor(now.source, now.author.id, spam);
      return ask(path);
    });
    item.replaceChildren(article(now, me, change, say));
  };
  render(mention);
  return item;
}

function article(mention, me, change, say) {
  const author = mention.author || {};
  const name = author.name || author.handle || author.id || "unknown author";
  const handle = author.handle && author.handle !== name ? foreign(`@${author.handle.replace(/^@/, "")}`, "bdi", { class: "quiet" }) : null;
  return el("article", { class: mention.status === "done" || mention.status === "ignored" ? "settled" : null },
    el("header", {},
      foreign(name, "strong"), handle,
      el("span", { class: "where" }, mention.url ? link(mention.source, mention.url, { title: "Open where it was said" }) : foreign(mention.source),
        mention.kind === "post" ? null : ` ${mention.kind}`,
        mention.edited_at ? ", edited" : null),
      mention.watches.includes(OWN) ? el("span", { class: "own" }, "your own") : null,
      when(mention.created_at)),
    mention.rating ? stars(mention.rating) : null,
    mention.title ? foreign(mention.title, "h3") : null,
    mention.text ? body(mention.text) : null,
    el("ul", { class: "judged", "aria-label": "What we make of it" }, judged(mention)),
    el("footer", {}, why(mention), me.role && me.role !== "viewer" ? controls(mention, change, say) : el("span", { class: "quiet" }, capital(mention.status))));
}

function stars(rating) {
  const full = Math.round(rating);
  return el("p", { class: "stars", role: "img", "aria-label": `${rating} of 5 stars` }, "★".repeat(full), el("span", { class: "none" }, "★".repeat(5 - full)));
}

function body(text) {
  const node = el("p", { class: "text", dir: "auto" });
  const show = (whole) => {
    if (whole || text.length <= TEXT_LETTERS) return node.replaceChildren(...linked(text));
    const cut = text.slice(0, text.lastIndexOf(" ", TEXT_LETTERS) + 1 || TEXT_LETTERS);
    node.replaceChildren(...linked(cut), "… ", el("button", { class: "plain", type: "button", onclick: () => show(true) }, "Show all"));
  };
  show(false);
  return node;
}

function judged(mention) {
  const { scores, correction, author_spam: author } = mention;
  const chips = [];
  if (correction) chips.push(el("li", { class: correction }, `${capital(correction)}, said by a person`));
  else if (scores) {
    const p = scores.p[scores.label];
    const sure = p >= SURE;
    chips.push(el("li", { class: sure ? scores.label : null, title: `${scores.model}: negative ${percent(scores.p.negative)}, neutral ${percent(scores.p.neutral)}, positive ${percent(scores.p.positive)}` },
      `${sure ? capital(scores.label) : `Unclear, rather ${scores.label}`} ${signed(scores.sentiment)}`, el("span", { class: "quiet" }, `, ${percent(p)} sure (${scores.tier})`)));
  } else chips.push(el("li", { class: "quiet" }, "Not scored yet"));
  const answer = scores && ANSWER.find(([least]) => scores.needs_answer >= least);
  if (answer) chips.push(el("li", { title: `Cues of a question or request: ${scores.needs_answer.toFixed(2)} of 1` }, answer[1]));
  for (const [name, word] of [["complaint", "Complaint"], ["offensive", "Offensive"], ["irony", "Irony"]]) {
    const p = scores && scores[name];
    if (typeof p === "number" && p >= WORTH_SHOWING[name]) chips.push(el("li", {}, word, el("span", { class: "quiet" }, ` ${percent(p)}`)));
  }
  if (author && typeof author.spam === "number") chips.push(spam(author));
  chips.push(el("li", { class: "plain quiet" }, language(mention)));
  return chips;
}

function spam(author) {
  if ((author.reasons || []).includes(SAID)) return el("li", { class: author.spam > 0.5 ? "negative" : "quiet" }, `${author.spam > 0.5 ? "Spam" : "Not spam"}, said by a person`);
  const reasons = (author.reasons || []).join("; ");
  return el("li", { class: author.spam >= WORTH_SHOWING.spam ? "negative" : "quiet", title: reasons || null }, `Spam ${percent(author.spam)}`,
    author.spam >= WORTH_SHOWING.spam && reasons ? el("span", { class: "quiet" }, `: ${reasons}`) : null);
}

const NAMES = typeof Intl.DisplayNames === "function" ? new Intl.DisplayNames(["en"], { type: "language" }) : null;

function language({ scores, lang }) {
  const code = scores && scores.lang !== "und" ? scores.lang : lang;
  if (!code) return "Language unknown";
  try {
    return NAMES ? NAMES.of(code) : code;
  } catch {
    return code;
  }
}

/// What the built-in watches stand for.
const WATCHES = { [OWN]: "own post", "own/reply": "answer to you", "own/quote": "quotes you", "own/mention": "names you" };

function why(mention) {
  const watches = mention.watches.map((watch) => (WATCHES[watch] ? el("code", { class: "words" }, WATCHES[watch]) : el("code", {}, watch)));
  return el("p", { class: "why" }, el("span", { class: "quiet" }, "Matched "), ...watches, el("span", { class: "quiet" }, ` of ${mention.brand}`),
    mention.note ? foreign(mention.note, "span", { class: "note" }) : null);
}

function controls(mention, change, say) {
  const status = el("select", { "aria-label": "Status", onchange: (event) => change({ status: event.target.value }) },
    STATUS.map((word) => el("option", { value: word, selected: word === mention.status }, capital(word))));
  const correct = el("select", { "aria-label": "Correct the sentiment", onchange: (event) => change({ correction: event.target.value || null }) },
    el("option", { value: "" }, mention.correction ? "As judged" : "Sentiment is right"),
    LABELS.map((word) => el("option", { value: word, selected: word === mention.correction }, `It is ${word}`)));
  return el("span", { class: "controls" }, author(mention, say), correct, status);
}

/// A person's word on whether the author is spam, where that is shown.
function author({ author: who, author_spam: judged }, say) {
  const { spam = null, reasons = [] } = judged || {};
  const said = reasons.includes(SAID) ? (spam > 0.5 ? "yes" : "no") : "";
  if (!who || !who.id || spam === null || (!said && spam < WORTH_SHOWING.spam)) return null;
  return el("select", { "aria-label": "Correct whether the author is spam", onchange: (event) => say(event.target.value || null) },
    [["", said ? "Author as judged" : "Author is judged right"], ["yes", "Author is spam"], ["no", "Author is no spam"]]
      .map(([value, text]) => el("option", { value, selected: value === said }, text)));
}
