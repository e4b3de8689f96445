// The ledger: is it quiet, or do we not hear?

import { el, foreign, grouped, many, span, when } from "./format.js";

export function showLedger(list, sources) {
  if (sources.length === 0) {
    list.replaceChildren(el("p", { class: "empty" }, "Nothing yet: no source is configured. Add a ", el("code", {}, "[[source]]"), " to reputed.toml and start again."));
    return;
  }
  const open = new Set([...list.querySelectorAll("details[open]")].map((node) => node.dataset.id));
  list.replaceChildren(...sources.map((source) => entry(source, open.has(source.id))));
}

function entry(source, open) {
  const errors = Object.entries(source.errors);
  const errorCount = errors.reduce((sum, [, count]) => sum + count, 0);
  const facts = [
    ["Posts a minute", grouped(source.posts_per_minute)],
    ["Behind", source.lag_seconds === null ? "unknown" : span(source.lag_seconds)],
    ["Gaps", grouped(source.gap_count)],
    ["Errors", grouped(errorCount)],
  ];
  return el("article", { class: "source" },
    el("header", {}, foreign(source.id, "h3"), source.kind === source.id ? null : el("span", { class: "quiet" }, source.kind),
      el("strong", { class: `health ${source.health}` }, source.health)),
    foreign(source.says, "p", { class: "quiet" }),
    el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    details(source, errors, open));
}

function details(source, errors, open) {
  const parts = Object.entries(source.parts);
  if (errors.length + source.gaps.length + parts.length === 0) return null;
  return el("details", { "data-id": source.id, open }, el("summary", {}, "Details"),
    el("p", { class: "quiet" }, `${many(source.posts, "post")} heard, ${grouped(source.matched)} wanted, connected again ${many(source.reconnects, "time")}`),
    source.gaps.length ? el("ul", {}, source.gaps.map((gap) => el("li", {}, "Gap from ", when(gap.from), " to ", when(gap.to), ": ", foreign(gap.reason)))) : null,
    errors.length ? el("ul", {}, errors.map(([reason, count]) => el("li", {}, `${reason.replaceAll("_", " ")}: ${grouped(count)}`))) : null,
    source.last_error ? el("p", {}, "Last error: ", foreign(source.last_error)) : null,
    parts.length ? el("ul", {}, parts.map(([name, state]) => el("li", {}, foreign(name), ": ", foreign(state)))) : null);
}
