// Open alerts, most urgent first: what, why, how many, since when.

import { ask, el, foreign, many, when } from "./format.js";
import { mentionItem } from "./mention.js";

/// Groups that the title or its mentions tell in words; the id of an author or cluster would tell nobody anything.
const TOLD = ["author", "brand", "cluster"];

export function showAlerts(list, alerts, me, onFault) {
  if (alerts.length === 0) {
    list.replaceChildren(el("p", { class: "empty" }, el("strong", {}, "All quiet."), " Nothing yet: when a rule finds something that cannot wait, it stands here, with its reasons."));
    return;
  }
  const open = new Set([...list.querySelectorAll("details[open]")].map((node) => node.dataset.id));
  const urgent = [...alerts].sort((a, b) => a.priority.localeCompare(b.priority) || b.updated_at.localeCompare(a.updated_at));
  list.replaceChildren(...urgent.map((alert) => card(alert, me, open.has(alert.id), onFault)));
}

function card(alert, me, open, onFault) {
  const settle = (word) => async (event) => {
    event.target.disabled = true;
    try {
      await ask(`/alerts/${encodeURIComponent(alert.id)}/${word}`, "POST");
    } catch (problem) {
      event.target.disabled = false;
      onFault(problem);
    }
  };
  const group = Object.entries(alert.group || {}).filter(([name]) => !TOLD.includes(name)).map(([name, value]) => `${name} ${value}`).join(", ");
  const acknowledged = alert.state === "acknowledged";
  return el("article", { class: `alert ${alert.priority.toLowerCase()}` },
    el("header", {}, el("strong", { class: "priority" }, alert.priority), foreign(alert.title, "h3")),
    el("p", { class: "quiet" }, many(alert.count, alert.growth ? "new follower" : "mention"), alert.spam_left_out ? ` (${alert.spam_left_out} by likely spam left out)` : null, group ? [", ", foreign(group)] : null, ", opened ", when(alert.opened_at)),
    reasons(alert),
    (alert.reasons || []).map((reason) => el("p", { class: "reasons" }, foreign(reason))),
    telling(alert, me, open, onFault),
    el("footer", {},
      el("span", { class: "quiet" }, "Rule ", el("code", {}, alert.rule)),
      me.role && me.role !== "viewer" ? el("span", { class: "controls" },
        acknowledged ? el("span", { class: "quiet" }, "Acknowledged") : el("button", { type: "button", onclick: settle("ack") }, "Acknowledge"),
        el("button", { type: "button", onclick: settle("resolve") }, "Resolve")) : null));
}

/// Why it is as urgent as it is. The rule's own priority alone is no news.
function reasons({ priority, priority_why: why }) {
  if (why.length === 0 || (why.length === 1 && why[0] === `base ${priority}`)) return null;
  return el("p", { class: "reasons" }, el("span", { class: "quiet" }, `Why ${priority}: `), foreign(why.join("; ")));
}

function telling(alert, me, open, onFault) {
  const inside = el("ol", { class: "stack telling" });
  const load = async () => {
    try {
      const { mentions } = await ask(`/alerts/${encodeURIComponent(alert.id)}`);
      inside.replaceChildren(...mentions.map((mention) => mentionItem(mention, me, onFault)));
      if (mentions.length === 0) inside.replaceChildren(el("li", { class: "quiet" }, "They were deleted since."));
    } catch (problem) {
      onFault(problem);
    }
  };
  const node = el("details", { "data-id": alert.id, open, ontoggle: () => node.open && load() }, el("summary", {}, "Most telling mentions"), inside);
  return alert.mentions.length ? node : null;
}
