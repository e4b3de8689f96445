// One mention: who said what, what we make of it and how sure we are, why it is here.

import { ask, capital, el, foreign, link, linked, percent, signed, when } from "./format.js";

const STATUS = ["new", "open", "answered", "done", "ignored"];
const LABELS = ["negative", "neutral", "positive"];
const TEXT_LETTERS = 600;
/// Below, a head of the model says nothing that is worth a person's glance.
const WORTH_SHOWING = 0.5;

export function mentionItem(mention, me, onFault) {
  const item = el("li", { class: "mention", "data-seq": mention.seq });
  const render = (now) => item.replaceChildren(article(now, me, async (change) => {
    try {
      render(await ask(`/mentions/seq:${now.seq}`, "PATCH", change));
    } catch (problem) {
      render(now);
      onFault(problem);
    }
  }));
  render(mention);
  return item;
}

function article(mention, me, change) {
  const author = mention.author || {};
  const name = author.name || author.handle || author.id || "unknown author";
  const handle = author.handle && author.handle !== name ? foreign(`@${author.handle.replace(/^@/, "")}`, "bdi", { class: "quiet" }) : null;
  return el("article", { class: mention.status === "done" || mention.status === "ignored" ? "settled" : null },
    el("header", {},
      foreign(name, "strong"), handle,
      el("span", { class: "where" }, mention.url ? link(mention.source, mention.url, { title: "Open where it was said" }) : foreign(mention.source),
        mention.kind === "post" ? null : ` ${mention.kind}`),
      when(mention.created_at)),
    mention.title ? foreign(mention.title, "h3") : null,
    mention.text ? body(mention.text) : null,
    el("ul", { class: "judged", "aria-label": "What we make of it" }, judged(mention)),
    el("footer", {}, why(mention), me.role && me.role !== "viewer" ? controls(mention, change) : el("span", { class: "quiet" }, capital(mention.status))));
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
    const sure = percent(scores.p[scores.label]);
    chips.push(el("li", { class: scores.label, title: `${scores.model}: negative ${percent(scores.p.negative)}, neutral ${percent(scores.p.neutral)}, positive ${percent(scores.p.positive)}` },
      `${capital(scores.label)} ${signed(scores.sentiment)}`, el("span", { class: "quiet" }, `, ${sure} sure (${scores.tier})`)));
  } else chips.push(el("li", { class: "quiet" }, "Not scored yet"));
  for (const [name, word] of [["needs_answer", "Needs an answer"], ["complaint", "Complaint"], ["offensive", "Offensive"], ["irony", "Irony"]]) {
    const p = scores && scores[name];
    if (typeof p === "number" && p >= WORTH_SHOWING) chips.push(el("li", {}, word, el("span", { class: "quiet" }, ` ${percent(p)}`)));
  }
  chips.push(spam(author));
  chips.push(el("li", { class: "quiet" }, language(mention)));
  return chips;
}

function spam(author) {
  if (!author || typeof author.spam !== "number") return el("li", { class: "quiet", title: "Nothing is known of this author yet" }, "Spam unknown");
  const reasons = (author.reasons || []).join("; ");
  return el("li", { class: author.spam >= WORTH_SHOWING ? "negative" : "quiet", title: reasons || null }, `Spam ${percent(author.spam)}`,
    author.spam >= WORTH_SHOWING && reasons ? el("span", { class: "quiet" }, `: ${reasons}`) : null);
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

function why(mention) {
  const watches = mention.watches.map((watch) => el("code", {}, watch));
  return el("p", { class: "why" }, el("span", { class: "quiet" }, "Matched "), ...watches, el("span", { class: "quiet" }, ` of ${mention.brand}`),
    mention.note ? foreign(mention.note, "span", { class: "note" }) : null);
}

function controls(mention, change) {
  const status = el("select", { "aria-label": "Status", onchange: (event) => change({ status: event.target.value }) },
    STATUS.map((word) => el("option", { value: word, selected: word === mention.status }, capital(word))));
  const correct = el("select", { "aria-label": "Correct the sentiment", onchange: (event) => change({ correction: event.target.value || null }) },
    el("option", { value: "" }, mention.correction ? "As judged" : "Sentiment is right"),
    LABELS.map((word) => el("option", { value: word, selected: word === mention.correction }, `It is ${word}`)));
  return el("span", { class: "controls" }, correct, status);
}
