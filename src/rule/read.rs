//! Reads rules files: every problem of every file at once, with its place. What the format promises and is not built
//! yet is refused by name, never ignored.

use super::detect::{self, Detector, Known, Tells, read_query};
use super::group::By;
use super::priority::{ADDS_MAX, Add, Urgency};
use super::say::Say;
use super::{File, Mode, Rule, RuleSet};
use crate::alert::Priority;
use crate::query::Query;
use crate::query::names::Names;
use crate::settings::{Document, NAME_SIGNS, Problem, Section, Severity, is_name, nearest};
use jiff::SignedDuration;
use std::collections::HashMap;
use std::time::Duration;

/// Every mention is asked of every rule: more than this needs another design than one query after the other.
pub const RULES_MAX: usize = 500;
/// Entries of a list within a rule.
const LIST_MAX: usize = 64;
/// The longest that an alert waits for a further match.
const KEEP_MAX: Duration = Duration::from_secs(30 * 86_400);
/// Steps of one addition: from P5 to P1 are four.
const STEPS_MAX: i64 = 4;

/// A rule that does not say: looked at on the same day.
const BASE_DEFAULT: Priority = Priority::P3;

/// Keys of the format that are not built yet.
const PLANNED_OF_FILE: [&str; 4] = ["calendar", "inhibit", "mute", "route"];
const PLANNED_OF_RULE: [&str; 4] = ["escalate", "overflow", "test", "unless"];

pub fn read(
    files: &[File<'_>],
    brands: &[String],
    hooks: &[String],
    known: &Known<'_>,
) -> Result<(RuleSet, Vec<Problem>), Vec<Problem>> {
    let mut reader = Reader { brands, hooks, known, rules: Vec::new(), ids: HashMap::new() };
    let mut problems = Vec::new();
    let mut hasher = blake3::Hasher::new();
    for file in files {
        hasher.update(&(file.text.len() as u64).to_le_bytes());
        hasher.update(file.text.as_bytes());
        let document = Document::parse(file.name, file.text);
        reader.file(file.name, &document.root());
        problems.extend(document.into_problems());
    }
    // What a list holds decides as much as what a rule says.
    for list in known.names.lists.values() {
        hasher.update(list.name.as_bytes());
        for entry in list.entries() {
            hasher.update(format!("\n{entry}").as_bytes());
        }
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    let hash = hasher.finalize().to_hex()[..16].to_owned();
    Ok((RuleSet { rules: reader.rules, hash }, problems))
}

struct Reader<'a> {
    brands: &'a [String],
    hooks: &'a [String],
    known: &'a Known<'a>,
    rules: Vec<Rule>,
    /// Where each rule id was seen first.
    ids: HashMap<String, String>,
}

impl Reader<'_> {
    fn file(&mut self, name: &str, root: &Section<'_>) {
        if !root.has("schema") {
            root.missing("schema");
        } else if root.integer("schema", i64::MIN..=i64::MAX).is_some_and(|schema| schema != 1) {
            root.error("schema", "unknown schema".into(), Some("this version reads schema = 1".into()));
        }
        refuse_planned(root, &PLANNED_OF_FILE);
        let names = self.names_of(root.section("let"));
        for section in root.sections("rule") {
            let rule = self.rule(&section, &names);
            if self.rules.len() >= RULES_MAX {
                section.error_here(format!("more than {RULES_MAX} rules"), None);
                break;
            }
            let Some(rule) = rule else { continue };
            if let Some(first) = self.ids.insert(rule.id.clone(), name.to_owned()) {
                section.error("id", format!("rule `{}` stands twice", rule.id), Some(format!("first in {first}")));
            }
            self.rules.push(rule);
        }
    }

    /// The lists that everybody knows, and the queries that this file names.
    fn names_of(&self, section: Option<Section<'_>>) -> Names {
        let Some(section) = section else {
            return Names { lists: self.known.names.lists.clone(), ..Names::default() };
        };
        let entries = section.entries();
        let queries = entries.iter().map(|(name, text, _)| ((*name).to_owned(), text.clone())).collect();
        let names = Names { lists: self.known.names.lists.clone(), queries };
        for (name, text, at) in entries {
            if !is_name(name) {
                section.error_at(at, format!("`{name}` is no name"), Some(NAME_SIGNS.into()));
            }
            // Unused names are checked too: a mistake is cheapest on the day it is made.
            read_query(&section, name, &text, &names);
        }
        names
    }

    /// Reads every key even when one is wrong, so that one run lists all problems.
    fn rule(&self, section: &Section<'_>, names: &Names) -> Option<Rule> {
        refuse_planned(section, &PLANNED_OF_RULE);
        let id = section.id("id");
        let (tells, detector) = read_detector(section, &Known { names, ..*self.known });
        let say = read_say(section, id.as_deref().unwrap_or("rule"), tells);
        let mode = if section.has("mode") { read_mode(section) } else { Some(Mode::Live) };
        let brands = known(section, "brand", self.brands);
        let route = known(section, "route", self.hooks);
        let when = read_when(section, tells, names);
        let by = read_by(section);
        let urgency = read_urgency(section, names);
        if tells == Tells::Followers {
            let adds = urgency.as_ref().is_some_and(|urgency| !urgency.adds.is_empty());
            for key in ["when", "by"].into_iter().filter(|key| section.has(key)).chain(adds.then_some("priority")) {
                let hint = if key == "priority" { "a base alone" } else { "leave it out" };
                section.error(key, format!("`{key}` asks mentions, this rule judges followers"), Some(hint.into()));
            }
        }
        let keep = read_keep(section);
        let discounts_spam = read_discount(section, tells);
        let detector = detector?;
        let by = by.unwrap_or_else(|| if detector.by_cluster() { vec![By::Cluster] } else { Vec::new() });
        let keep = keep?.unwrap_or_else(|| detector.keep_default());
        Some(Rule {
            id: id?,
            say: say?,
            mode: mode?,
            brands,
            when: when?,
            detector,
            by,
            urgency: urgency?,
            discounts_spam,
            keep,
            route,
        })
    }
}

fn refuse_planned(section: &Section<'_>, keys: &[&'static str]) {
    for key in keys.iter().filter(|key| section.has(key)) {
        section.error(key, format!("`{key}` is not available yet"), None);
    }
}

/// A share is of all who speak, and waves tell by themselves how many are spam.
fn read_discount(section: &Section<'_>, tells: Tells) -> bool {
    let discounts = section.bool("discount_spam");
    if discounts.is_some() && tells != Tells::Mentions {
        let hint = "`NOT spam:>=0.8` in `when` leaves likely spam out of a share".to_owned();
        section.error("discount_spam", "only `each` and `count` discount spam".into(), Some(hint));
    }
    tells == Tells::Mentions && discounts.unwrap_or(true)
}

/// `Some(None)`: the rule asks no mention.
fn read_when(section: &Section<'_>, tells: Tells, names: &Names) -> Option<Option<Query>> {
    if tells == Tells::Followers && !section.has("when") {
        return Some(None);
    }
    let text = section.required_str("when")?;
    read_query(section, "when", &text, names).map(Some)
}

/// Every query that a file names under `[let]`, right or wrong; for those who only want to refer to them.
pub fn named(file: &File<'_>) -> Vec<(String, String)> {
    let document = Document::parse(file.name, file.text);
    let root = document.root();
    let entries = root.section("let").map(|section| section.entries()).unwrap_or_default();
    let named = entries.into_iter().map(|(name, text, _)| (name.to_owned(), text)).collect();
    root.ignore_rest();
    named
}

fn read_say(section: &Section<'_>, id: &str, tells: Tells) -> Option<Say> {
    let text = section.str("say").unwrap_or_else(|| format!("{{brand}}: {}", id.replace(['-', '_'], " ")));
    match Say::parse(&text, tells) {
        Ok(say) => {
            if say.is_personal() && say.has_count() {
                let hint = "a title that quotes a person is written once, at the opening".to_owned();
                section.warning("say", "`{count}` will not follow the alert".into(), Some(hint));
            }
            Some(say)
        }
        Err(mistakes) => {
            for mistake in mistakes {
                section.error_inside("say", mistake.span.start, mistake.message, mistake.hint);
            }
            None
        }
    }
}

fn read_mode(section: &Section<'_>) -> Option<Mode> {
    match section.one_of("mode", &["live", "shadow", "off"])? {
        "shadow" => Some(Mode::Shadow),
        "off" => Some(Mode::Off),
        _ => Some(Mode::Live),
    }
}

/// A list of configured ids.
fn known(section: &Section<'_>, key: &'static str, ids: &[String]) -> Vec<String> {
    let list = section.strings(key);
    bounded(section, key, list.len());
    for id in list.iter().filter(|id| !ids.contains(id)) {
        let hint = nearest(id, ids.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        let thing = if key == "route" { "hook" } else { key };
        section.error(key, format!("no {thing} `{id}` is configured"), hint);
    }
    list
}

fn bounded(section: &Section<'_>, key: &str, length: usize) {
    if length > LIST_MAX {
        section.error(key, format!("`{key}` holds more than {LIST_MAX} entries"), None);
    }
}

/// What its alerts tell of is known even where its keys are wrong.
fn read_detector(section: &Section<'_>, known: &Known<'_>) -> (Tells, Option<Box<dyn Detector>>) {
    if !section.has("detect") {
        return (Tells::Mentions, Some(Box::new(detect::each::Each)));
    }
    let Some(detect) = section.section("detect") else { return (Tells::Mentions, None) };
    let Some(kind) = detect.required_str("kind") else {
        detect.ignore_rest();
        return (Tells::Mentions, None);
    };
    if let Some(row) = detect::KINDS.iter().find(|row| row.kind == kind) {
        return (row.tells, (row.read)(&detect, known));
    }
    // Its other keys are no mistakes of their own.
    detect.ignore_rest();
    if detect::PLANNED.contains(&kind.as_str()) {
        detect.error("kind", format!("detector `{kind}` is not available yet"), None);
    } else {
        let near =
            nearest(&kind, detect::KINDS.iter().map(|row| row.kind)).map(|near| format!("did you mean `{near}`?"));
        detect.error("kind", format!("unknown detector `{kind}`"), near);
    }
    (Tells::Mentions, None)
}

/// `None`: the rule does not say.
fn read_by(section: &Section<'_>) -> Option<Vec<By>> {
    if !section.has("by") {
        return None;
    }
    let list = section.strings("by");
    bounded(section, "by", list.len());
    let mut by = Vec::new();
    for name in &list {
        match By::ALL.iter().find(|(known, _)| known == name) {
            Some((_, field)) if !by.contains(field) => by.push(*field),
            Some(_) => section.error("by", format!("`{name}` stands twice in `by`"), None),
            None => {
                let hint = nearest(name, By::ALL.iter().map(|(known, _)| *known)).map_or_else(
                    || format!("one of {}", By::ALL.map(|(known, _)| known).join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                section.error("by", format!("cannot split by `{name}`"), Some(hint));
            }
        }
    }
    Some(by)
}

/// `"P3"`, or `{ base = "P3", add = [{ if = "...", up = 1, why = "..." }] }`.
fn read_urgency(section: &Section<'_>, names: &Names) -> Option<Urgency> {
    if !section.has("priority") {
        return Some(Urgency { base: BASE_DEFAULT, adds: Vec::new() });
    }
    if !section.is_table("priority") {
        return Some(Urgency { base: read_priority(section, "priority")?, adds: Vec::new() });
    }
    let table = section.section("priority")?;
    if !table.has("base") {
        table.missing("base");
    }
    let base = read_priority(&table, "base");
    let sections = table.sections("add");
    if sections.len() > ADDS_MAX {
        table.error("add", format!("more than {ADDS_MAX} additions"), None);
        return None;
    }
    let adds: Vec<Option<Add>> = sections.iter().map(|section| read_add(section, names)).collect();
    Some(Urgency { base: base?, adds: adds.into_iter().collect::<Option<_>>()? })
}

fn read_priority(section: &Section<'_>, key: &'static str) -> Option<Priority> {
    let name = section.one_of(key, &Priority::ALL.map(|(name, _)| name))?;
    Priority::ALL.iter().find(|(known, _)| *known == name).map(|(_, priority)| *priority)
}

fn read_add(section: &Section<'_>, names: &Names) -> Option<Add> {
    let query = section.required_str("if").and_then(|text| read_query(section, "if", &text, names));
    let why = section.required_str("why");
    let steps = match (section.has("up"), section.has("down")) {
        (true, false) => section.integer("up", 1..=STEPS_MAX),
        (false, true) => section.integer("down", 1..=STEPS_MAX).map(|steps| -steps),
        _ => {
            section.error_here("an addition takes either `up` or `down`".into(), None);
            None
        }
    };
    Some(Add { query: query?, steps: i32::try_from(steps?).ok()?, why: why? })
}

/// `Some(None)`: the rule does not say.
fn read_keep(section: &Section<'_>) -> Option<Option<SignedDuration>> {
    if !section.has("keep") {
        return Some(None);
    }
    let keep = section.duration("keep")?;
    if keep < Duration::from_secs(1) || keep > KEEP_MAX {
        section.error("keep", "`keep` must lie between 1s and 30d".into(), None);
        return None;
    }
    SignedDuration::try_from(keep).ok().map(Some)
}
