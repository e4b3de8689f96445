//! Evaluates a query over one post in memory. Three-valued (Kleene): a comparison with something missing is unknown, and a
//! post is matched only when the whole is true. Text is never unknown: what is not there holds no word.

use super::field::{KeywordField, NumberField};
use super::reading::{Reading, is_within};
use super::value::primary_subtag;
use super::{Bound, Expr, Query, Term};
use crate::mention::{Label, Mention};
use crate::post::{Kind, Post};
use jiff::Timestamp;

/// What a query is asked of: a post, and what we know of it beyond the post (nothing yet, while it streams in).
pub struct Subject<'a> {
    pub post: &'a Post<'a>,
    /// The kind of the post's source (`bluesky`), for `source:`.
    pub source_kind: &'a str,
    /// Scores, brand, watches, status: missing until the post is a mention.
    pub mention: Option<&'a Mention>,
    /// For `age:`; missing where nobody has a clock.
    pub now: Option<Timestamp>,
}

impl Query {
    /// `Some(true)`: matched; `None`: unknown, because something asked for is missing.
    pub fn matches(&self, subject: &Subject<'_>) -> Option<bool> {
        self.matches_reading(subject, &Reading::of(subject.post))
    }

    /// As [`Query::matches`], when several queries are asked of one post: `reading` is of `subject.post`.
    pub fn matches_reading(&self, subject: &Subject<'_>, reading: &Reading) -> Option<bool> {
        holds(&self.expr, subject, reading)
    }
}

pub(crate) fn holds(expr: &Expr, subject: &Subject<'_>, reading: &Reading) -> Option<bool> {
    decide(expr, &mut |term| term_holds(term, subject, reading))
}

/// What the whole says where `holds` says it of each term. Recursion is bounded by the parser.
pub(crate) fn decide(expr: &Expr, holds: &mut impl FnMut(&Term) -> Option<bool>) -> Option<bool> {
    match expr {
        Expr::All => Some(true),
        Expr::Not(inner) => decide(inner, holds).map(|held| !held),
        Expr::And(parts) => decided_by(false, parts, holds),
        Expr::Or(parts) => decided_by(true, parts, holds),
        Expr::Term(term) => holds(term),
    }
}

/// The first part that is `deciding` decides; else an unknown leaves it open.
fn decided_by(deciding: bool, parts: &[Expr], holds: &mut impl FnMut(&Term) -> Option<bool>) -> Option<bool> {
    let mut result = Some(!deciding);
    for part in parts {
        match decide(part, holds) {
            Some(held) if held == deciding => return Some(deciding),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

pub(super) fn term_holds(term: &Term, subject: &Subject<'_>, reading: &Reading) -> Option<bool> {
    match term {
        Term::Words { field, phrase } => Some(reading.any(*field, |piece, spare| piece.has(phrase, spare))),
        Term::Near { field, operands, links } => {
            Some(reading.any(*field, |piece, spare| piece.has_near(operands, links, spare)))
        }
        Term::List(list) => Some(list.find(reading).is_some()),
        Term::Ticker(ticker) => Some(reading.tickers.contains(ticker)),
        Term::Tag(tag) => Some(reading.tags.contains(tag)),
        Term::Handle(handle) => Some(reading.handles.contains(handle)),
        Term::Url { host, path } => {
            Some(reading.addresses.iter().any(|(h, p)| is_within(h, host) && p.starts_with(path.as_str())))
        }
        Term::Keyword { field, value } => keyword_is(*field, value, subject, reading),
        Term::Number { field, min, max } => number(*field, subject).map(|number| is_between(number, *min, *max)),
    }
}

pub(crate) fn is_between(number: f64, min: Option<Bound>, max: Option<Bound>) -> bool {
    min.is_none_or(|min| min.admits(number, false)) && max.is_none_or(|max| max.admits(number, true))
}

impl Bound {
    fn admits(self, number: f64, is_upper: bool) -> bool {
        let inside = if is_upper { number < self.value } else { number > self.value };
        // An inclusive bound means exactly that number.
        let on_it = self.inclusive && number == self.value;
        inside || on_it
    }
}

fn keyword_is(field: KeywordField, value: &str, subject: &Subject<'_>, reading: &Reading) -> Option<bool> {
    let (post, mention) = (subject.post, subject.mention);
    let is = |text: &str| text == value || text.to_lowercase() == value;
    match field {
        KeywordField::Source => Some(is(&post.source) || subject.source_kind == value),
        KeywordField::Kind => Some(post.kind.name() == value),
        KeywordField::Lang => language(subject).map(|lang| lang == value),
        KeywordField::Brand => mention.map(|mention| is(&mention.brand)),
        KeywordField::Watch => mention.map(|mention| mention.watches.iter().any(|watch| is(watch))),
        KeywordField::Is | KeywordField::Has => Some(flag(field, value, subject, reading)),
        KeywordField::From => mention.map(|mention| value == "own" && mention.is_own()),
        KeywordField::Status => mention.map(|mention| mention.status.name() == value),
        KeywordField::Sentiment => mention.and_then(label).map(|label| label.name() == value),
    }
}

/// `is:` and `has:`.
pub(super) fn flag(field: KeywordField, value: &str, subject: &Subject<'_>, reading: &Reading) -> bool {
    match (field, value) {
        (KeywordField::Is, "reply") => is_reply(subject.post),
        (KeywordField::Is, "quote") => is_quote(subject.post),
        (KeywordField::Is, "edited") => subject.post.edited_at.is_some(),
        (KeywordField::Has, "link") => reading.has_link,
        (KeywordField::Has, "question") => reading.has_question,
        _ => false,
    }
}

/// For `is:reply`.
pub fn is_reply(post: &Post<'_>) -> bool {
    post.reply_to.is_some() || post.kind == Kind::Reply
}

/// For `is:quote`.
pub fn is_quote(post: &Post<'_>) -> bool {
    post.kind == Kind::Quote || (post.quote_of.is_some() && post.kind != Kind::Repost)
}

/// For `lang:`: the primary subtag, as detected once scored, else as declared.
pub fn language(subject: &Subject<'_>) -> Option<String> {
    let detected = subject.mention.and_then(|mention| mention.scores.as_ref()).map(|scores| scores.lang.as_str());
    detected.or(subject.post.lang.as_deref()).filter(|lang| !lang.is_empty()).map(primary_subtag)
}

/// For `sentiment:negative`: a person's word wins.
pub fn label(mention: &Mention) -> Option<Label> {
    mention.correction.or(mention.scores.as_ref().map(|scores| scores.label))
}

/// What a number field holds; `None` is unknown.
pub fn number(field: NumberField, subject: &Subject<'_>) -> Option<f64> {
    let post = subject.post;
    let scores = subject.mention.and_then(|mention| mention.scores.as_ref());
    match field {
        NumberField::Sentiment => match subject.mention?.correction {
            Some(Label::Negative) => Some(-1.0),
            Some(Label::Neutral) => Some(0.0),
            Some(Label::Positive) => Some(1.0),
            None => Some(decimal(scores?.sentiment)),
        },
        NumberField::NeedsAnswer => scores?.needs_answer.map(decimal),
        NumberField::Complaint => scores?.complaint.map(decimal),
        NumberField::Offensive => scores?.offensive.map(decimal),
        NumberField::Irony => scores?.irony.map(decimal),
        NumberField::Spam => subject.mention?.author_spam.spam.map(decimal),
        NumberField::ClusterSize => subject.mention?.cluster_size.map(f64::from),
        NumberField::Rating => post.rating.filter(|rating| rating.is_finite()),
        NumberField::Reach => post.reach.map(count),
        NumberField::Likes => post.likes.map(count),
        NumberField::Reposts => post.reposts.map(count),
        NumberField::AuthorFollowers => post.author.followers.map(count),
        NumberField::AuthorAge => post.author.created_at.map(|made| seconds(post.created_at) - seconds(made)),
        NumberField::Created => Some(seconds(post.created_at)),
        NumberField::Age => subject.now.map(|now| seconds(now) - seconds(post.created_at)),
    }
}

// Nobody asks for one follower of 2^53.
fn count(count: u64) -> f64 {
    count as f64
}

/// Whole seconds since 1970. Those of any year jiff knows are exact in f64.
pub fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

/// A score to six places, so that the 0.7 of a model is the 0.7 of a query.
pub fn decimal(score: f32) -> f64 {
    (f64::from(score) * 1e6).round() / 1e6
}
