//! `say`: the template of an alert's title. Plain text with a few names in braces, no logic.

use super::detect::Tells;
use super::group::lang;
use crate::mention::Mention;
use crate::settings::nearest;
use std::ops::Range;

/// The most letters of a post that a title quotes.
const QUOTE_LETTERS_MAX: usize = 80;
/// The longest title, in letters: what a phone shows in three lines.
const TITLE_LETTERS_MAX: usize = 200;
/// Stands for what a deleted post said and who wrote it.
const DELETED: &str = "(deleted)";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Account,
    Author,
    Brand,
    Count,
    Interval,
    Lang,
    Share,
    Source,
    Text,
    Usual,
}

type Slots = &'static [(&'static str, Slot)];

const OF_MENTIONS: Slots = &[
    ("author", Slot::Author),
    ("brand", Slot::Brand),
    ("count", Slot::Count),
    ("lang", Slot::Lang),
    ("source", Slot::Source),
    ("text", Slot::Text),
];
/// Many people's: none is quoted.
const OF_PART: Slots = &[
    ("brand", Slot::Brand),
    ("count", Slot::Count),
    ("interval", Slot::Interval),
    ("lang", Slot::Lang),
    ("share", Slot::Share),
    ("source", Slot::Source),
];
const OF_FOLLOWERS: Slots = &[
    ("account", Slot::Account),
    ("brand", Slot::Brand),
    ("count", Slot::Count),
    ("interval", Slot::Interval),
    ("share", Slot::Share),
    ("source", Slot::Source),
    ("usual", Slot::Usual),
];

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Slot(Slot),
}

/// What a title may tell. What is not there is told as `?`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    pub brand: &'a str,
    pub count: u64,
    pub mention: Option<&'a Mention>,
    pub account: Option<&'a str>,
    pub source: Option<&'a str>,
    /// New followers that are usual.
    pub usual: Option<f64>,
    /// A share with the ends of its interval, `0..=1` each.
    pub share: Option<[f64; 3]>,
}

#[derive(Clone, Debug)]
pub struct Say {
    parts: Vec<Part>,
}

/// A mistake in a template, where (bytes of it), and what to write in its place.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    pub span: Range<usize>,
    pub message: String,
    pub hint: Option<String>,
}

impl Say {
    /// # Errors
    /// Every unknown name and open brace.
    pub fn parse(text: &str, tells: Tells) -> Result<Self, Vec<Mistake>> {
        let slots = match tells {
            Tells::Mentions => OF_MENTIONS,
            Tells::Part => OF_PART,
            Tells::Followers => OF_FOLLOWERS,
        };
        let mut parts = Vec::new();
        let mut mistakes = Vec::new();
        let mut at = 0;
        while let Some(open) = text[at..].find('{').map(|open| at + open) {
            if open > at {
                parts.push(Part::Text(text[at..open].to_owned()));
            }
            let Some(close) = text[open..].find('}').map(|close| open + close) else {
                mistakes.push(Mistake { span: open..text.len(), message: "`{` without `}`".into(), hint: None });
                at = text.len();
                break;
            };
            let name = &text[open + 1..close];
            match slots.iter().find(|(known, _)| *known == name) {
                Some((_, slot)) => parts.push(Part::Slot(*slot)),
                None => mistakes.push(unknown(name, slots, open..close + 1)),
            }
            at = close + 1;
        }
        parts.push(Part::Text(text[at..].to_owned()));
        if mistakes.is_empty() { Ok(Self { parts }) } else { Err(mistakes) }
    }

    /// Quotes a person: fixed at the opening, and rewritten when that post is deleted.
    pub fn is_personal(&self) -> bool {
        self.has(Slot::Author) || self.has(Slot::Text)
    }

    pub fn has_count(&self) -> bool {
        self.has(Slot::Count)
    }

    pub fn title(&self, told: &Told<'_>) -> String {
        self.render(|slot| {
            let said = match slot {
                Slot::Account => told.account.map(str::to_owned),
                Slot::Author => told.mention.map(author),
                Slot::Brand => Some(told.brand.to_owned()),
                Slot::Count => Some(told.count.to_string()),
                Slot::Interval => told.share.map(|[_, low, high]| interval(low, high)),
                Slot::Lang => told.mention.map(|mention| lang(mention).to_owned()),
                Slot::Share => told.share.map(|[share, ..]| format!("{:.0} %", share * 100.0)),
                Slot::Source => told.source.map(str::to_owned),
                Slot::Text => told.mention.map(quote),
                Slot::Usual => told.usual.map(|usual| format!("{usual:.0}")),
            };
            said.unwrap_or_else(|| "?".to_owned())
        })
    }

    /// The title when the post that it quoted is gone.
    pub fn title_without_person(&self, brand: &str, count: u64) -> String {
        self.render(|slot| match slot {
            Slot::Brand => brand.to_owned(),
            Slot::Count => count.to_string(),
            _ => DELETED.to_owned(),
        })
    }

    fn has(&self, slot: Slot) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Slot(other) if *other == slot))
    }

    fn render(&self, value: impl Fn(Slot) -> String) -> String {
        let whole: String = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Slot(slot) => value(*slot),
            })
            .collect();
        cut(whole.trim(), TITLE_LETTERS_MAX)
    }
}

fn unknown(name: &str, slots: Slots, span: Range<usize>) -> Mistake {
    let known = || slots.iter().map(|(known, _)| *known);
    let hint = nearest(name, known()).map_or_else(
        || format!("one of {}", known().map(|known| format!("{{{known}}}")).collect::<Vec<_>>().join(" ")),
        |near| format!("did you mean `{{{near}}}`?"),
    );
    Mistake { span, message: format!("unknown placeholder `{{{name}}}`"), hint: Some(hint) }
}

/// `62 to 88 %`.
pub fn interval(low: f64, high: f64) -> String {
    format!("{:.0} to {:.0} %", low * 100.0, high * 100.0)
}

fn author(mention: &Mention) -> String {
    let author = &mention.post.author;
    let name = author.handle.as_ref().or(author.name.as_ref()).or(author.id.as_ref());
    name.map_or("somebody", |name| name).to_owned()
}

/// One line of what was said.
fn quote(mention: &Mention) -> String {
    let post = &mention.post;
    let said = if post.text.trim().is_empty() { post.title.as_deref().unwrap_or("") } else { post.text.as_str() };
    // A long text is cut before its words are joined: a title needs none of the rest.
    let start: String = said.trim_start().chars().take(QUOTE_LETTERS_MAX * 4).collect();
    cut(&start.split_whitespace().collect::<Vec<_>>().join(" "), QUOTE_LETTERS_MAX)
}

fn cut(text: &str, letters_max: usize) -> String {
    match text.char_indices().nth(letters_max) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong() {
        let mistakes = |text: &str| Say::parse(text, Tells::Mentions).unwrap_err();
        assert_eq!(mistakes("a {brnad} b")[0].hint.as_deref(), Some("did you mean `{brand}`?"));
        assert_eq!(mistakes("a {brnad} b")[0].span, 2..9);
        assert_eq!(mistakes("{x} {y}").len(), 2);
        assert_eq!(mistakes("half {open")[0].message, "`{` without `}`");
        assert!(["no braces, é", ""].iter().all(|text| Say::parse(text, Tells::Mentions).is_ok()));
        let followers = Say::parse("{count} of {usual}: {author}", Tells::Followers).unwrap_err();
        assert_eq!(followers.len(), 1, "of followers, nobody is quoted: {followers:?}");
    }

    #[test]
    fn a_deleted_person_leaves_the_title() {
        let say = Say::parse("{author} of {brand}: {text} ({count})", Tells::Mentions).unwrap();
        assert!(say.is_personal() && say.has_count());
        assert_eq!(say.title_without_person("acme", 3), "(deleted) of acme: (deleted) (3)");
    }
}
