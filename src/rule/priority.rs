//! How urgent a mention makes its alert, with every contribution in words.

use super::detect::Seen;
use crate::alert::Priority;
use crate::query::eval::Subject;
use crate::query::field::NumberField;
use crate::query::reading::Reading;
use crate::query::{Expr, Query, Term};

/// Additions of one rule; which of them held is kept in the bits of a `u32`.
pub const ADDS_MAX: usize = 32;

/// Steps by which a mention is less urgent whose author is likely spam: it still alerts, since the model may be wrong.
const SPAM_STEPS: i32 = 1;

/// A base and what moves it. An alert is as urgent as its most urgent mention.
#[derive(Clone, Debug)]
pub struct Urgency {
    pub base: Priority,
    pub adds: Vec<Add>,
}

#[derive(Clone, Debug)]
pub struct Add {
    /// `if`: counted when it holds, not when it is unknown.
    pub query: Query,
    /// Positive: more urgent.
    pub steps: i32,
    pub why: String,
}

impl Urgency {
    /// Which additions hold for this mention, one bit each.
    pub fn adds(&self, subject: &Subject<'_>, reading: &Reading) -> u32 {
        let holds = |add: &Add| add.query.matches_reading(subject, reading) == Some(true);
        let held = self.adds.iter().enumerate().filter(|(_, add)| holds(add));
        held.fold(0, |bits, (n, _)| bits | 1 << n)
    }

    pub fn priority(&self, seen: &Seen) -> Priority {
        self.base.raised(self.held(seen.adds).map(|add| add.steps).sum::<i32>() - self.lowered(seen))
    }

    /// `base P3`, `one star: +1`.
    pub fn why(&self, seen: &Seen) -> Vec<String> {
        let held = self.held(seen.adds).map(|add| format!("{}: {:+}", add.why, add.steps));
        let lowered = Some(self.lowered(seen)).filter(|steps| *steps > 0);
        let spam = lowered.map(|steps| format!("the author is likely spam: -{steps}"));
        std::iter::once(self.base_why()).chain(held).chain(spam).collect()
    }

    pub fn base_why(&self) -> String {
        format!("base {}", self.base.name())
    }

    /// Steps that a likely spam author takes away. None where the rule's own additions ask about spam: they have said
    /// what it is worth here.
    fn lowered(&self, seen: &Seen) -> i32 {
        if seen.spam && !self.adds.iter().any(|add| asks_about_spam(&add.query.expr)) { SPAM_STEPS } else { 0 }
    }

    fn held(&self, adds: u32) -> impl Iterator<Item = &Add> {
        self.adds.iter().enumerate().filter(move |(n, _)| adds >> n & 1 == 1).map(|(_, add)| add)
    }
}

/// Recursion is bounded by the parser.
fn asks_about_spam(expr: &Expr) -> bool {
    match expr {
        Expr::Not(inner) => asks_about_spam(inner),
        Expr::And(parts) | Expr::Or(parts) => parts.iter().any(asks_about_spam),
        Expr::Term(term) => matches!(term, Term::Number { field: NumberField::Spam, .. }),
        Expr::All => false,
    }
}
