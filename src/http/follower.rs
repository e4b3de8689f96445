//! `/api/v1/followers`: the own accounts; `/api/v1/followers/{account}`: who follows one, how much of that is spam, how it
//! grew, and who came and went. As JSON, as tables for a spreadsheet, as a picture.

use super::audit::{Audited, Back, Question};
use super::auth::Caller;
use super::cursor::{Id, Params, limit};
use super::limit::PICTURE_SECURITY_POLICY;
use super::own::{self, Own};
use super::problem::Problem;
use super::{Desk, Shared};
use crate::brand::{FollowerEvent, Snapshot};
use crate::flow::audit::Report;
use crate::follower::audit::Suspect;
use crate::follower::growth::{Point, Step};
use crate::follower::picture;
use crate::text::csv;
use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far back unless asked, and at most.
const DAYS_DEFAULT: u16 = 30;
const DAYS_MAX: u16 = 3_650;
/// Rows of a table: some 20 megabytes, and more than a spreadsheet is any fun with.
const ROWS_MAX: usize = 100_000;

/// No likelihood is a certainty, whatever it rounds to.
const CERTAIN: f32 = 0.999;

#[derive(Serialize)]
pub struct Account {
    source: String,
    account: Option<String>,
    handle: String,
    brands: Vec<String>,
    followers: u64,
    snapshot: Option<Snapshot>,
}

#[derive(Serialize)]
pub struct Accounts {
    items: Vec<Account>,
}

pub async fn list(State(desk): Shared, caller: Caller) -> Result<Json<Accounts>, Problem> {
    let mut items = Vec::new();
    for Own { source, handle, account, brands } in own::accounts(&desk, &caller).await? {
        let (mut followers, mut snapshot) = (0, None);
        if let Some(account) = &account {
            followers = desk.door.reader.follower_count(&source, account).await?;
            snapshot = desk.door.reader.snapshot(&source, account).await?;
        }
        items.push(Account { source, account, handle, brands, followers, snapshot });
    }
    Ok(Json(Accounts { items }))
}

#[derive(Deserialize)]
pub struct Asked {
    source: Option<String>,
    days: Option<u16>,
    since: Option<Timestamp>,
    limit: Option<usize>,
    format: Option<Format>,
    of: Option<Table>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
    Svg,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Table {
    #[default]
    Followers,
    Growth,
}

#[derive(Serialize)]
struct Found {
    source: String,
    account: String,
    handle: String,
    since: Timestamp,
    step: Step,
    /// Who followed and unfollowed since, oldest first.
    items: Vec<FollowerEvent>,
    #[serde(flatten)]
    report: Report,
}

pub async fn one(
    State(desk): Shared,
    caller: Caller,
    Id(account): Id,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    let (back, format) = (back(&asked)?, asked.format.unwrap_or_default());
    if asked.of.is_some() && format != Format::Csv {
        return Err(Problem::field("of", "`of` tells which table; ask for it with `format=csv`"));
    }
    let most = match format {
        Format::Csv => rows(asked.limit)?,
        Format::Json | Format::Svg => limit(asked.limit)?,
    };
    let Own { source, account, handle, .. } = own::find(&desk, &caller, &account, asked.source.as_deref()).await?;
    // Before its id is known nothing is stored of it.
    let account = account.unwrap_or_else(|| handle.clone());
    if format == Format::Csv && asked.of.unwrap_or_default() == Table::Followers {
        let name = format!("followers-{handle}");
        let table = desk.audits.everybody(source, account, most, |all| followers(&all)).await?;
        return Ok(csv_file(&name, table));
    }
    let audited = desk.audits.report(Question { source: source.clone(), account: account.clone(), back }).await?;
    Ok(match format {
        Format::Json => told(&desk, &audited, (source, account, handle), most).await?.into_response(),
        Format::Csv => csv_file(&format!("growth-{handle}"), growth(&audited.report.growth)),
        Format::Svg => drawn(&audited, &handle),
    })
}

fn back(asked: &Asked) -> Result<Back, Problem> {
    match (asked.days, asked.since) {
        (Some(_), Some(_)) => Err(Problem::field("since", "ask by `days` or by `since`, not by both")),
        (Some(days), None) if !(1..=DAYS_MAX).contains(&days) => {
            Err(Problem::field("days", format!("`days` must lie in 1..={DAYS_MAX}")))
        }
        (None, Some(since)) if since > Timestamp::now() => Err(Problem::field("since", "`since` lies in the future")),
        (None, Some(since)) => Ok(Back::Since(since)),
        (days, None) => Ok(Back::Days(days.unwrap_or(DAYS_DEFAULT))),
    }
}

fn rows(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(ROWS_MAX) {
        rows @ 1..=ROWS_MAX => Ok(rows),
        _ => Err(Problem::field("limit", format!("`limit` of a table must lie in 1..={ROWS_MAX}"))),
    }
}

async fn told(
    desk: &Desk,
    audited: &Audited,
    (source, account, handle): (String, String, String),
    most: usize,
) -> Result<Json<Found>, Problem> {
    let Audited { since, step, .. } = *audited;
    let items = desk.door.reader.followers(&source, &account, since, most).await?;
    let mut report = audited.report.clone();
    report.audit.suspicious.truncate(most);
    Ok(Json(Found { source, account, handle, since, step, items, report }))
}

fn drawn(audited: &Audited, handle: &str) -> Response {
    let Report { growth, waves, .. } = &audited.report;
    let waves: Vec<_> = waves.iter().map(|told| told.wave.clone()).collect();
    let svg = picture::svg(&format!("New followers of {handle}"), growth, audited.step, &waves);
    ([(CONTENT_TYPE, "image/svg+xml"), (CONTENT_SECURITY_POLICY, PICTURE_SECURITY_POLICY)], svg).into_response()
}

fn followers(all: &[Suspect]) -> String {
    let head = ["spam", "handle", "name", "id", "followers", "following", "posts", "reasons"];
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    table(
        head,
        all.iter().map(|one| {
            [
                format!("{:.3}", one.spam.min(CERTAIN)),
                text(&one.handle),
                text(&one.name),
                text(&one.id),
                count(one.followers),
                count(one.following),
                count(one.posts),
                one.reasons.join("; "),
            ]
        }),
    )
}

fn count(count: Option<u64>) -> String {
    count.map(|count| count.to_string()).unwrap_or_default()
}

fn growth(points: &[Point]) -> String {
    let head = [
        "start",
        "observed",
        "genuine",
        "genuine_low",
        "genuine_high",
        "spam",
        "spam_low",
        "spam_high",
        "unknown",
        "unfollows",
    ];
    table(
        head,
        points.iter().map(|Point { start, observed, genuine, spam, unknown, unfollows }| {
            let number = |value: f64| format!("{value:.1}");
            [
                start.to_string(),
                format!("{observed:.2}"),
                number(genuine.value),
                number(genuine.low),
                number(genuine.high),
                number(spam.value),
                number(spam.low),
                number(spam.high),
                unknown.to_string(),
                unfollows.to_string(),
            ]
        }),
    )
}

fn table<const CELLS: usize>(head: [&str; CELLS], rows: impl Iterator<Item = [String; CELLS]>) -> String {
    let mut table = head.join(",");
    for row in rows {
        table.push_str("\r\n");
        table.push_str(&csv::row(row));
    }
    table.push_str("\r\n");
    table
}

fn csv_file(name: &str, table: String) -> Response {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect();
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    (headers, table).into_response()
}
