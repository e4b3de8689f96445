//! The one table of fields: name, what it holds, what it means. Generates help, suggestions and the manual.

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
    Rating,
    Reach,
    Likes,
    Reposts,
    AuthorFollowers,
    /// Days since the account was made, at the time of the post.
    AuthorAgeDays,
    /// Seconds since 1970 of the post's `created_at`; `created:2026-11-01..2026-11-22`.
    Created,
}
