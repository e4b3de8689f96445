//! The one table of fields: name, what it holds, what it means. Generates help, suggestions and the manual.

use crate::mention::{Label, Status};
use crate::post::Kind;
use crate::settings::nearest;
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextField {
    /// Text and title, what a bare word searches.
    Any,
    Title,
    Text,
    /// Handle and display name.
    Author,
    Bio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeywordField {
    /// The id of a source or its kind.
    Source,
    Kind,
    /// Detected language where scored, else the declared one; primary subtag, lower case.
    Lang,
    Brand,
    Watch,
    /// `reply`, `quote`, `edited`.
    Is,
    /// `link`, `question`.
    Has,
    /// `own`.
    From,
    Status,
    /// `negative`, `neutral`, `positive`: `sentiment:negative`.
    Sentiment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberField {
    Sentiment,
    NeedsAnswer,
    Complaint,
    Offensive,
    Irony,
    /// The author's spam likelihood.
    Spam,
    ClusterSize,
    Rating,
    Reach,
    Likes,
    Reposts,
    AuthorFollowers,
    /// Seconds since the account was made, at the time of the post.
    AuthorAge,
    /// Seconds since 1970 of the post's `created_at`; `created:2026-11-01..2026-11-22`.
    Created,
    /// Seconds since then, when asked.
    Age,
}

/// How a number is written, and within which bounds it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    Between(f64, f64),
    /// `1200`, `1.2k`, `3M`.
    Count,
    /// `30d`, `15m`; kept in seconds.
    Age,
    /// `2026-11-22`, `2026-11-22T09:00:00Z`; kept in seconds since 1970.
    Time,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Holds {
    Text(TextField),
    Tag,
    Url,
    Keyword(KeywordField),
    Number(NumberField, Unit),
}

/// One field, as a person writes it.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    pub holds: Holds,
    /// Known while the post streams in; the others only once it is a mention, so that no watch can ask for them.
    pub streams: bool,
    /// A test of it may be unknown.
    pub may_be_missing: bool,
    pub means: &'static str,
}

const fn row(name: &'static str, holds: Holds, means: &'static str) -> Row {
    Row { name, aliases: &[], holds, streams: true, may_be_missing: false, means }
}

impl Row {
    const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn may_be_missing(self) -> Self {
        Self { may_be_missing: true, ..self }
    }

    const fn of_mentions(self) -> Self {
        Self { streams: false, may_be_missing: true, ..self }
    }
}

impl Row {
    /// What stands behind the colon, for instance.
    pub fn example(&self) -> String {
        match self.holds {
            Text(_) | Tag => "word".to_owned(),
            Url => "shop.example/path".to_owned(),
            Keyword(field) if field.values().is_empty() => "id".to_owned(),
            Keyword(_) => "value".to_owned(),
            Number(_, Unit::Between(low, high)) => format!("{low}..{high}"),
            Number(_, Unit::Count) => ">10k".to_owned(),
            Number(_, Unit::Age) => "<30d".to_owned(),
            Number(_, Unit::Time) => "2026-11-01..2026-11-22".to_owned(),
        }
    }
}

const SHARE: Unit = Unit::Between(0.0, 1.0);

use Holds::{Keyword, Number, Tag, Text, Url};

/// `sentiment` stands twice: as a label and as a number.
pub const FIELDS: &[Row] = &[
    row("title", Text(TextField::Title), "words of the title"),
    row("text", Text(TextField::Text), "words of the text, the title left out").or(&["body"]),
    row("author", Text(TextField::Author), "words of the author's handle or name").or(&["by"]),
    row("bio", Text(TextField::Bio), "words of the author's description of themselves"),
    row("tag", Tag, "a hashtag, as `#tag`").or(&["hashtag"]),
    row("url", Url, "a host with its subdomains, and the beginning of a path; in the post's address and all its links")
        .or(&["link", "site"]),
    row("source", Keyword(KeywordField::Source), "the id or the kind of the source"),
    row("kind", Keyword(KeywordField::Kind), "what sort of post").or(&["type"]),
    row("lang", Keyword(KeywordField::Lang), "the language, as detected, else as declared")
        .or(&["language"])
        .may_be_missing(),
    row("brand", Keyword(KeywordField::Brand), "the id of the brand").of_mentions(),
    row("watch", Keyword(KeywordField::Watch), "the id of a watch that matched").of_mentions(),
    row("is", Keyword(KeywordField::Is), "what the post does"),
    row("has", Keyword(KeywordField::Has), "what the post holds"),
    row("from", Keyword(KeywordField::From), "written by an own account").of_mentions(),
    row("status", Keyword(KeywordField::Status), "where a person's work on it stands").of_mentions(),
    row("sentiment", Keyword(KeywordField::Sentiment), "the label of the text, or a person's correction").of_mentions(),
    row("sentiment", Number(NumberField::Sentiment, Unit::Between(-1.0, 1.0)), "from bad (-1) to good (1)")
        .of_mentions(),
    row("needs_answer", Number(NumberField::NeedsAnswer, SHARE), "likely waits for an answer").of_mentions(),
    row("complaint", Number(NumberField::Complaint, SHARE), "likely a complaint").of_mentions(),
    row("offensive", Number(NumberField::Offensive, SHARE), "likely offensive").of_mentions(),
    row("irony", Number(NumberField::Irony, SHARE), "likely ironic").of_mentions(),
    row("spam", Number(NumberField::Spam, SHARE), "the author is likely spam").of_mentions(),
    row(
        "cluster.size",
        Number(NumberField::ClusterSize, Unit::Count),
        "how many copies of its text had come in, itself counted",
    )
    .of_mentions(),
    row("rating", Number(NumberField::Rating, Unit::Between(1.0, 5.0)), "stars of a review")
        .or(&["stars"])
        .may_be_missing(),
    row("reach", Number(NumberField::Reach, Unit::Count), "people who may have seen it").may_be_missing(),
    row("likes", Number(NumberField::Likes, Unit::Count), "likes, as last told").may_be_missing(),
    row("reposts", Number(NumberField::Reposts, Unit::Count), "reposts, as last told").may_be_missing(),
    row("author.followers", Number(NumberField::AuthorFollowers, Unit::Count), "followers of the author")
        .or(&["followers"])
        .may_be_missing(),
    row("author.age", Number(NumberField::AuthorAge, Unit::Age), "age of the account when it posted").may_be_missing(),
    row("created", Number(NumberField::Created, Unit::Time), "when it was posted, UTC").or(&["date"]),
    row("age", Number(NumberField::Age, Unit::Age), "how long ago it was posted; in a rule, before it came in")
        .of_mentions(),
];

/// The rows of a field, by name or alias, whatever its case.
pub fn find(name: &str) -> impl Iterator<Item = &'static Row> {
    FIELDS.iter().filter(move |row| {
        row.name.eq_ignore_ascii_case(name) || row.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    })
}

/// The field that was most likely meant.
pub fn suggest(name: &str) -> Option<&'static str> {
    let names = FIELDS.iter().flat_map(|row| std::iter::once(row.name).chain(row.aliases.iter().copied()));
    nearest(&name.to_ascii_lowercase(), names)
}

impl KeywordField {
    /// What may stand behind the colon; empty when the config says.
    pub fn values(self) -> Vec<&'static str> {
        match self {
            Self::Kind => Kind::ALL.iter().map(|(name, _)| *name).collect(),
            Self::Is => vec!["reply", "quote", "edited"],
            Self::Has => vec!["link", "question"],
            Self::From => vec!["own"],
            Self::Status => Status::ALL.iter().map(|(name, _)| *name).collect(),
            Self::Sentiment => Label::ALL.iter().map(|(name, _)| *name).collect(),
            Self::Source | Self::Lang | Self::Brand | Self::Watch => Vec::new(),
        }
    }

    pub fn name(self) -> &'static str {
        FIELDS.iter().find(|row| row.holds == Keyword(self)).map_or("", |row| row.name)
    }
}

impl NumberField {
    pub fn row(self) -> Option<(&'static Row, Unit)> {
        FIELDS.iter().find_map(|row| match row.holds {
            Number(field, unit) if field == self => Some((row, unit)),
            _ => None,
        })
    }
}

/// The fields and forms of the language, for `--help` and the manual.
pub fn describe() -> String {
    let mut text = String::from(
        "word  prefix*  \"a phrase\"  \"a phrase\"~3  case:\"SAP\"  #tag  @handle  $TICKER  in:$list  let:name\n\
         a NEAR/5 b  a ONEAR/5 b  field:value  field:(a OR b)\n\
         NEAR, NOT (or -), AND (or nothing), OR in upper case, the first binding tightest; brackets\n\n",
    );
    for row in FIELDS {
        let form = format!("{}:{}", row.name, row.example());
        let values = match row.holds {
            Keyword(field) if !field.values().is_empty() => format!(": {}", field.values().join(", ")),
            _ => String::new(),
        };
        let when = if row.streams { "" } else { " (not in a watch)" };
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{form:<34}{}{values}{when}", row.means);
    }
    text
}
