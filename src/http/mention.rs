//! `/api/v1/mentions`: search, one, change.

use super::auth::Caller;
use super::cursor::{self, Id, Params, limit};
use super::problem::{Fault, Problem};
use super::summary::Summary;
use super::{Desk, Shared, limit as bound};
use crate::flow::Command;
use crate::flow::rescore::NOTHING_BETTER;
use crate::index::{By, Interval, Page, Sort, TOP_DEFAULT, TOP_MAX};
use crate::mention::{Label, Mention, Status};
use crate::query::Query;
use crate::store::Patch;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

const ASSIGNEE_BYTES_MAX: usize = 200;
/// A page of prose.
const NOTE_BYTES_MAX: usize = 8 * 1024;

#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
    limit: Option<usize>,
    cursor: Option<String>,
    brand: Option<String>,
    #[serde(default)]
    sort: Sort,
    facets: Option<String>,
    top: Option<usize>,
    over: Option<Interval>,
}

#[derive(Serialize)]
pub struct Found {
    items: Vec<Mention>,
    total: u64,
    /// Neither matched nor not: something asked for is missing.
    undecided: u64,
    /// To be given for the next page; `None` at the end.
    cursor: Option<String>,
    #[serde(flatten)]
    summary: Summary,
}

pub async fn list(State(desk): Shared, caller: Caller, Params(asked): Params<Search>) -> Result<Json<Found>, Problem> {
    let query = Query::parse_with(&asked.q, &desk.door.names.load()).map_err(Problem::query)?;
    let page = asked.page(&caller)?;
    let searcher = desk.door.searcher.clone();
    let search = tokio::task::spawn_blocking(move || {
        let hits = searcher.search(&query, &page, Timestamp::now());
        hits.map(|hits| (hits, page))
    });
    let (hits, page) =
        search.await.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the search failed"))??;
    // The index may be a moment behind: what was deleted since is already gone from the store.
    let items = desk.door.reader.mentions(&hits.seqs).await?;
    let summary = Summary::of(&hits, &page, &desk.door.reader).await?;
    let cursor = hits.next.map(|place| cursor::wrap(&place.to_string()));
    Ok(Json(Found { items, total: hits.total, undecided: hits.undecided, cursor, summary }))
}

impl Search {
    fn page(&self, caller: &Caller) -> Result<Page, Problem> {
        let after = self.cursor.as_deref().map(|text| cursor::place(text, |place| place.parse().ok())).transpose()?;
        let top = self.top.unwrap_or(TOP_DEFAULT);
        if !(1..=TOP_MAX).contains(&top) {
            return Err(Problem::field("top", format!("`top` must lie in 1..={TOP_MAX}")));
        }
        Ok(Page {
            limit: limit(self.limit)?,
            sort: self.sort,
            after,
            brands: brands(caller, self.brand.as_deref()),
            facets: facets(self.facets.as_deref().unwrap_or_default())?,
            top,
            over: self.over,
        })
    }
}

/// `source,lang`: each once.
fn facets(names: &str) -> Result<Vec<By>, Problem> {
    let mut facets = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let Some((_, by)) = By::ALL.iter().find(|(known, _)| *known == name) else {
            let known = By::ALL.map(|(name, _)| name).join(", ");
            return Err(Problem::field("facets", format!("no facet is called `{name}`: it is one of {known}")));
        };
        if !facets.contains(by) {
            facets.push(*by);
        }
    }
    Ok(facets)
}

/// The brands that a list shows: those of the caller, narrowed to the one asked for.
pub fn brands(caller: &Caller, asked: Option<&str>) -> Option<Vec<String>> {
    match asked.filter(|brand| !brand.is_empty()) {
        Some(brand) if caller.sees(brand) => Some(vec![brand.to_owned()]),
        Some(_) => Some(Vec::new()),
        None => caller.brands.clone(),
    }
}

/// Native ids may collide across sources, and two brands may share a post.
#[derive(Deserialize)]
pub struct Which {
    source: Option<String>,
    brand: Option<String>,
}

pub async fn one(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id,
    Params(which): Params<Which>,
) -> Result<Json<Mention>, Problem> {
    find(&desk, &caller, &id, &which).await.map(Json)
}

async fn find(desk: &Desk, caller: &Caller, id: &str, which: &Which) -> Result<Mention, Problem> {
    let reader = &desk.door.reader;
    let mut found = match id.strip_prefix("seq:").and_then(|seq| seq.parse().ok()) {
        Some(seq) => reader.mention(seq).await?.into_iter().collect(),
        None => reader.mentions_by_id(id, which.source.as_deref()).await?,
    };
    found.retain(|mention: &Mention| {
        let asked = which.brand.as_ref().is_none_or(|brand| *brand == mention.brand);
        asked && caller.sees(&mention.brand) && !mention.post.deleted
    });
    match found.len() {
        0 | 1 => found.pop().ok_or_else(|| Problem::missing("mention")),
        _ => Err(ambiguous(&found)),
    }
}

fn ambiguous(found: &[Mention]) -> Problem {
    let detail = "several mentions have this id; add `source` or `brand`, or ask by `seq:`";
    let mut problem = Problem::new(StatusCode::CONFLICT, detail);
    problem.errors = found
        .iter()
        .map(|mention| Fault {
            span: None,
            field: None,
            message: format!("source `{}`, brand `{}`, seq:{}", mention.post.source, mention.brand, mention.seq),
            hint: None,
        })
        .collect();
    problem
}

/// What a person changes. An absent field stays as it is, `null` takes the value away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(default)]
    status: Option<Status>,
    #[serde(default, deserialize_with = "present")]
    assignee: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    note: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    correction: Option<Option<Label>>,
}

impl Change {
    fn check(self) -> Result<Patch, Problem> {
        let Self { status, assignee, note, correction } = self;
        let patch = Patch {
            status,
            assignee: bounded("assignee", assignee, ASSIGNEE_BYTES_MAX)?,
            note: bounded("note", note, NOTE_BYTES_MAX)?,
            correction,
        };
        if patch == Patch::default() {
            return Err(Problem::bad("nothing to change: give status, assignee, note or correction"));
        }
        Ok(patch)
    }
}

fn bounded(
    field: &'static str,
    text: Option<Option<String>>,
    bytes_max: usize,
) -> Result<Option<Option<String>>, Problem> {
    let text = text.map(|text| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()));
    match &text {
        Some(Some(text)) if text.len() > bytes_max => {
            Err(Problem::field(field, format!("`{field}` is over {bytes_max} bytes")))
        }
        _ => Ok(text),
    }
}

/// Tells `null` from absent.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

pub async fn change(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id,
    Params(which): Params<Which>,
    request: Request,
) -> Result<Json<Mention>, Problem> {
    let patch = bound::json::<Change>(request).await?.check()?;
    let seq = find(&desk, &caller, &id, &which).await?.seq;
    if !desk.ask(|done| Command::Patch { seq, patch, done }).await? {
        return Err(Problem::missing("mention"));
    }
    desk.door.reader.mention(seq).await?.map(Json).ok_or_else(|| Problem::missing("mention"))
}

#[derive(Serialize)]
pub struct Rescoring {
    /// Mentions that wait; some of them may be up to date.
    waiting: u64,
}

pub async fn rescore(State(desk): Shared) -> Result<Json<Rescoring>, Problem> {
    if !desk.ask(|done| Command::Rescore { done }).await? {
        return Err(Problem::bad(NOTHING_BETTER));
    }
    Ok(Json(Rescoring { waiting: desk.door.reader.count_waiting_for_scores().await? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_change_or_says_what_is_wrong() {
        let read = |text: &str| serde_json::from_str::<Change>(text).map_err(|e| e.to_string());
        let patch = read(r#"{"status":"done","note":null,"assignee":" ann "}"#).unwrap().check().unwrap();
        let expected = Patch {
            status: Some(Status::Done),
            note: Some(None),
            assignee: Some(Some("ann".into())),
            correction: None,
        };
        assert_eq!(patch, expected);
        assert_eq!(read(r#"{"note":"  "}"#).unwrap().check().unwrap().note, Some(None));
        for (text, part) in [
            (r#"{"status":"dnoe"}"#, "unknown variant `dnoe`, expected one of `new`"),
            (r#"{"correction":"bad"}"#, "unknown variant `bad`"),
            (r#"{"stauts":"done"}"#, "unknown field `stauts`"),
        ] {
            let error = read(text).err().unwrap();
            assert!(error.contains(part), "{error}");
        }
        assert!(read("{}").unwrap().check().is_err());
        let long = format!(r#"{{"note":"{}"}}"#, "x".repeat(NOTE_BYTES_MAX + 1));
        assert_eq!(read(&long).unwrap().check().unwrap_err().errors[0].field, Some("note"));
    }
}
