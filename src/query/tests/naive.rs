//! The language a third time, as slow and as plain as its description: every place of every word is tried. Shares with
//! the evaluators what a word is (`text`), and nothing of how they look for one.

use super::*;
use crate::query::field::{KeywordField, NumberField, TextField};
use crate::query::near::Link;
use crate::query::word::{Phrase, Word};
use crate::text::{self, Begins, Kind as Part, Places, as_written, folded};

/// One word of a text.
struct Seen {
    folded: String,
    written: String,
    /// The word of a dictionary that begins here, as its characters.
    whole: Option<Vec<String>>,
}

/// What queries ask of a post.
pub(crate) struct Naive {
    title: Vec<Seen>,
    text: Vec<Seen>,
    handle: Vec<Seen>,
    name: Vec<Seen>,
    bio: Vec<Seen>,
    tags: Vec<String>,
    handles: Vec<String>,
    tickers: Vec<String>,
    addresses: Vec<(String, String)>,
    has_link: bool,
    has_question: bool,
}

fn words(text: &str) -> Vec<Seen> {
    let (mut places, mut out) = (Places::default(), String::new());
    places.fold(text, &mut out);
    let ranges: Vec<_> = text::parts(&out).filter(|part| part.kind == Part::Word).map(|part| part.range).collect();
    let mut begins = Begins::default();
    begins.read(&out, &ranges);
    let word = |at: usize| out[ranges[at].clone()].to_owned();
    let seen = |at: usize| {
        let mut end = at + 1;
        while !begins.at(end) {
            end += 1;
        }
        let whole = (begins.at(at) && word(at).starts_with(text::is_unspaced)).then(|| (at..end).map(word).collect());
        Seen { folded: word(at), written: as_written(&text[places.written(&ranges[at])]).collect(), whole }
    };
    (0..ranges.len()).map(seen).collect()
}

impl Naive {
    pub fn of(post: &Post<'_>) -> Self {
        let given = |text: &Option<crate::post::Str<'_>>| text.as_deref().unwrap_or("").to_owned();
        let (title, handle) = (given(&post.title), given(&post.author.handle));
        let mut naive = Self {
            title: words(&title),
            text: words(&post.text),
            handle: words(handle.trim_start_matches('@')),
            name: words(&given(&post.author.name)),
            bio: words(&given(&post.author.bio)),
            tags: post.tags.iter().map(|tag| folded(tag).trim().trim_start_matches('#').trim().to_owned()).collect(),
            handles: post.mentions.iter().map(|account| folded(account)).collect(),
            tickers: Vec::new(),
            addresses: post.links.iter().chain(&post.url).filter_map(|link| text::host_and_path(link)).collect(),
            has_link: !post.links.is_empty(),
            has_question: false,
        };
        for text in [folded(&title), folded(&post.text)] {
            let mut prose = text.clone();
            for part in text::parts(&text) {
                let written = text[part.range.clone()].to_owned();
                match part.kind {
                    Part::Word => {}
                    Part::Tag => naive.tags.push(written),
                    Part::Ticker => naive.tickers.push(written),
                    Part::Handle => {
                        naive.handles.extend(written.split_once('@').map(|(user, _)| user.to_owned()));
                        naive.handles.push(written);
                    }
                    Part::Link => {
                        naive.has_link = true;
                        naive.addresses.extend(text::host_and_path(&written));
                        prose.replace_range(part.range.clone(), &" ".repeat(part.range.len()));
                    }
                }
            }
            naive.has_question |= prose.chars().any(|c| c == '?' || c == '؟');
        }
        naive
    }

    fn pieces(&self, field: TextField) -> Vec<&[Seen]> {
        match field {
            TextField::Any => vec![&self.title, &self.text],
            TextField::Title => vec![&self.title],
            TextField::Text => vec![&self.text],
            TextField::Author => vec![&self.handle, &self.name],
            TextField::Bio => vec![&self.bio],
        }
    }
}

/// Whether `word` takes the words of the text from `at` on.
fn stands(piece: &[Seen], word: &Word, prefix: bool, at: usize) -> bool {
    let is = |at: usize, wanted: &str, prefix: bool| {
        piece.get(at).is_some_and(|seen| seen.folded == wanted || (prefix && seen.folded.starts_with(wanted)))
    };
    match word {
        Word::Plain(word) => is(at, word, prefix),
        Word::Exact { written, .. } => piece.get(at).is_some_and(|seen| seen.written == *written),
        Word::Whole(parts) => piece.get(at).is_some_and(|seen| seen.whole.as_ref() == Some(parts)),
        Word::Stretch(parts) => {
            parts.iter().enumerate().all(|(n, part)| is(at + n, part, prefix && n + 1 == parts.len()))
        }
    }
}

fn width(word: &Word) -> usize {
    match word {
        Word::Plain(_) | Word::Exact { .. } => 1,
        Word::Whole(parts) | Word::Stretch(parts) => parts.len(),
    }
}

/// Each word of a phrase, whether it may go on, and how far behind the first it stands in the phrase.
fn offsets(phrase: &Phrase) -> Vec<(&Word, bool, usize)> {
    let last = phrase.words.len() - 1;
    let before = |n: usize| phrase.words[..n].iter().map(width).sum();
    phrase.words.iter().enumerate().map(|(n, word)| (word, phrase.prefix && n == last, before(n))).collect()
}

/// `start..end` of the words that a phrase takes, wherever its words follow each other.
fn spans(piece: &[Seen], phrase: &Phrase) -> Vec<(usize, usize)> {
    let words = offsets(phrase);
    let length: usize = phrase.words.iter().map(width).sum();
    (0..piece.len())
        .filter(|start| words.iter().all(|(word, prefix, offset)| stands(piece, word, *prefix, start + offset)))
        .map(|start| (start, start + length))
        .collect()
}

/// Every choice of a place for each word is tried; `chosen` are those of the first words.
fn loose(piece: &[Seen], phrase: &Phrase, chosen: &mut Vec<usize>) -> bool {
    let words = offsets(phrase);
    let Some(&(word, prefix, _)) = words.get(chosen.len()) else {
        let away: Vec<i64> = chosen.iter().zip(&words).map(|(&at, (.., offset))| at as i64 - *offset as i64).collect();
        let (low, high) = (away.iter().min().unwrap(), away.iter().max().unwrap());
        return high - low <= i64::from(phrase.slop);
    };
    (0..piece.len()).filter(|&at| stands(piece, word, prefix, at)).any(|at| {
        let taken = chosen.iter().zip(&words).any(|(&other, (before, ..))| other == at && *before == word && !prefix);
        chosen.push(at);
        let held = !taken && loose(piece, phrase, chosen);
        chosen.pop();
        held
    })
}

fn has(piece: &[Seen], phrase: &Phrase) -> bool {
    if phrase.slop > 0 { loose(piece, phrase, &mut Vec::new()) } else { !spans(piece, phrase).is_empty() }
}

/// Whether the operands behind `before` can be placed one after the other.
fn chain(piece: &[Seen], before: (usize, usize), operands: &[Vec<Phrase>], links: &[Link]) -> bool {
    let (Some(operand), Some(link)) = (operands.first(), links.first()) else { return true };
    operand.iter().flat_map(|phrase| spans(piece, phrase)).any(|next| {
        let (ahead, behind) = (next.0 >= before.1, next.1 <= before.0);
        let apart = if ahead { next.0 + 1 - before.1 } else { (before.0 + 1).saturating_sub(next.1) };
        (ahead || (behind && !link.ordered))
            && apart <= link.distance as usize
            && chain(piece, next, &operands[1..], &links[1..])
    })
}

pub(crate) fn holds(expr: &Expr, subject: &Subject<'_>, naive: &Naive) -> Option<bool> {
    let each = |parts: &[Expr]| parts.iter().map(|part| holds(part, subject, naive)).collect::<Vec<_>>();
    match expr {
        Expr::All => Some(true),
        Expr::Not(inner) => holds(inner, subject, naive).map(|held| !held),
        Expr::And(parts) => match each(parts) {
            held if held.contains(&Some(false)) => Some(false),
            held if held.contains(&None) => None,
            _ => Some(true),
        },
        Expr::Or(parts) => match each(parts) {
            held if held.contains(&Some(true)) => Some(true),
            held if held.contains(&None) => None,
            _ => Some(false),
        },
        Expr::Term(term) => term_holds(term, subject, naive),
    }
}

fn term_holds(term: &Term, subject: &Subject<'_>, naive: &Naive) -> Option<bool> {
    Some(match term {
        Term::Words { field, phrase } => naive.pieces(*field).iter().any(|piece| has(piece, phrase)),
        Term::Near { field, operands, links } => naive.pieces(*field).iter().any(|piece| {
            let first = operands[0].iter().flat_map(|phrase| spans(piece, phrase));
            first.into_iter().any(|span| chain(piece, span, &operands[1..], links))
        }),
        Term::List(list) => list.entries().iter().any(|entry| term_holds(entry, subject, naive) == Some(true)),
        Term::Tag(tag) => naive.tags.contains(tag),
        Term::Handle(handle) => naive.handles.contains(handle),
        Term::Ticker(ticker) => naive.tickers.contains(ticker),
        Term::Url { host, path } => naive.addresses.iter().any(|(found, rest)| {
            (found == host || found.ends_with(&format!(".{host}"))) && rest.starts_with(path.as_str())
        }),
        Term::Keyword { field, value } => return keyword(*field, subject, naive).map(|values| values.contains(value)),
        Term::Number { field, min, max } => {
            let number = number(*field, subject)?;
            let above = min.is_none_or(|min| number > min.value || (min.inclusive && number == min.value));
            above && max.is_none_or(|max| number < max.value || (max.inclusive && number == max.value))
        }
    })
}

/// All that would be true of the field.
fn keyword(field: KeywordField, subject: &Subject<'_>, naive: &Naive) -> Option<Vec<String>> {
    let (post, mention) = (subject.post, subject.mention);
    let label =
        || mention.and_then(|mention| mention.correction.or(mention.scores.as_ref().map(|scores| scores.label)));
    let among = |flags: &[(&str, bool)]| -> Vec<String> {
        flags.iter().filter(|(_, held)| *held).map(|(name, _)| (*name).to_owned()).collect()
    };
    match field {
        KeywordField::Source => Some(vec![post.source.to_lowercase(), subject.source_kind.to_owned()]),
        KeywordField::Kind => Some(vec![post.kind.name().to_owned()]),
        KeywordField::Lang => {
            let detected = mention.and_then(|mention| mention.scores.as_ref()).map(|scores| scores.lang.clone());
            let lang = detected.or(post.lang.as_deref().map(str::to_owned)).filter(|lang| !lang.is_empty())?;
            Some(vec![lang.to_lowercase().split(['-', '_']).next()?.to_owned()])
        }
        KeywordField::Brand => mention.map(|mention| vec![mention.brand.to_lowercase()]),
        KeywordField::Watch => {
            mention.map(|mention| mention.watches.iter().map(|watch| watch.to_lowercase()).collect())
        }
        KeywordField::Is => Some(among(&[
            ("reply", post.reply_to.is_some() || post.kind == Kind::Reply),
            ("quote", post.kind == Kind::Quote || (post.quote_of.is_some() && post.kind != Kind::Repost)),
            ("edited", post.edited_at.is_some()),
        ])),
        KeywordField::Has => Some(among(&[("link", naive.has_link), ("question", naive.has_question)])),
        KeywordField::From => {
            mention.map(|mention| among(&[("own", mention.watches.iter().any(|watch| watch == "own/post"))]))
        }
        KeywordField::Status => mention.map(|mention| vec![mention.status.name().to_owned()]),
        KeywordField::Sentiment => label().map(|label| vec![label.name().to_owned()]),
    }
}

fn number(field: NumberField, subject: &Subject<'_>) -> Option<f64> {
    let post = subject.post;
    let scores = subject.mention.and_then(|mention| mention.scores.as_ref());
    let share = |score: f32| format!("{score:.6}").parse().ok();
    let count = |count: Option<u64>| count.map(|count| count as f64);
    match field {
        NumberField::Sentiment => match (subject.mention?.correction, scores) {
            (Some(Label::Negative), _) => Some(-1.0),
            (Some(Label::Neutral), _) => Some(0.0),
            (Some(Label::Positive), _) => Some(1.0),
            (None, scores) => share(scores?.sentiment),
        },
        NumberField::NeedsAnswer => scores?.needs_answer.and_then(share),
        NumberField::Complaint => scores?.complaint.and_then(share),
        NumberField::Offensive => scores?.offensive.and_then(share),
        NumberField::Irony => scores?.irony.and_then(share),
        NumberField::Spam => subject.mention?.author_spam.spam.and_then(share),
        NumberField::ClusterSize => subject.mention?.cluster_size.map(f64::from),
        NumberField::Rating => post.rating,
        NumberField::Reach => count(post.reach),
        NumberField::Likes => count(post.likes),
        NumberField::Reposts => count(post.reposts),
        NumberField::AuthorFollowers => count(post.author.followers),
        NumberField::AuthorAge => Some((post.created_at.as_second() - post.author.created_at?.as_second()) as f64),
        NumberField::Created => Some(post.created_at.as_second() as f64),
        NumberField::Age => Some((subject.now?.as_second() - post.created_at.as_second()) as f64),
    }
}

#[test]
fn says_what_the_manual_says() {
    let held = |query: &str, text: &'static str| {
        let post = Post::new("1", text, now());
        let subject = Subject { post: &post, source_kind: "", mention: None, now: None };
        holds(&Query::parse(query).unwrap().expr, &subject, &Naive::of(&post))
    };
    for (query, text, expected) in [
        ("\"money back\"~1", "money, my back", true),
        ("\"money back\"~1", "money is not back", false),
        ("\"back money\"~2", "money back", true),
        ("\"back money\"~1", "money back", false),
        ("\"no no no\"~3", "no, no", false),
        ("\"no no no\"~3", "no, no. x no", true),
        ("acme NEAR/2 refund", "refund for acme", true),
        ("acme ONEAR/2 refund", "refund for acme", false),
        ("acme NEAR/1 refund", "refund for acme", false),
        ("\"a b\" NEAR/9 \"b c\"", "a b c", false),
        ("a NEAR/1 b NEAR/1 c", "b a x c b", false),
        ("case:Été", "ÉTÉ été", false),
    ] {
        assert_eq!(held(query, text), Some(expected), "{query} in {text}");
    }
}
