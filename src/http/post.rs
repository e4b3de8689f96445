//! `POST /api/v1/posts`: posts and follows that somebody pushes. Answered only after the durable commit, so that a 200 is a promise.

use super::auth::{Caller, Right};
use super::cursor::Params;
use super::limit::{self, PUSH_BYTES_MAX, PUSH_INFLATED_BYTES_MAX};
use super::problem::{Fault, Problem};
use super::{COMMIT_TIME_MAX, Desk, Shared};
use crate::post::Str;
use crate::source::intake::Intake;
use crate::source::line::Line;
use crate::source::push::{Parsed, parse_body};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// Sources that one admin's push may name: each has its own commit.
const SOURCES_MAX: usize = 16;

/// What may be posts. The last is what `curl` and others claim by default; bodies are told apart by what they hold.
const MEDIA_TYPES: [&str; 8] = [
    "",
    "application/json",
    "application/jsonl",
    "application/x-ndjson",
    "application/ndjson",
    "application/octet-stream",
    "text/plain",
    "application/x-www-form-urlencoded",
];

#[derive(Deserialize)]
pub struct Asked {
    source: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Taken {
    /// Sound posts, wanted or not, and follows.
    accepted: u64,
    /// Those that some watch wanted, deletions, and follows.
    matched: u64,
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    /// Line, or place in the array, from 1; `None` when only the id is known.
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    reason: String,
}

pub async fn push(
    State(desk): Shared,
    caller: Caller,
    Params(asked): Params<Asked>,
    request: Request,
) -> Result<Json<Taken>, Problem> {
    let _place = desk.pushes.clone().try_acquire_owned().map_err(|_| Problem::busy("too many pushes at once"))?;
    let kind = limit::media_type(&request);
    if !MEDIA_TYPES.contains(&kind.as_str()) {
        let detail = format!("send application/json or application/x-ndjson, not `{kind}`");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let encoding = encoding(request.headers())?;
    let body = inflated(limit::body(request, PUSH_BYTES_MAX).await?, encoding).await?;
    let (taken, intakes) = offer(&desk, &caller, asked.source.as_deref(), &body)?;
    let committed = async {
        for mut intake in intakes {
            intake.commit(None).await.map_err(|_| Problem::busy("nothing is taken in at the moment; push again"))?;
        }
        Ok(())
    };
    match tokio::time::timeout(COMMIT_TIME_MAX, committed).await {
        Ok(result) => result.map(|()| Json(taken)),
        // Pushing again is safe: the same posts are stored once.
        Err(_) => Err(Problem::busy("the store did not commit in time; push again")),
    }
}

/// Offers every sound post; what is left to do is to commit the intakes.
fn offer(
    desk: &Arc<Desk>,
    caller: &Caller,
    source: Option<&str>,
    body: &[u8],
) -> Result<(Taken, Vec<Intake>), Problem> {
    let Parsed { lines, bad } = parse_body(body);
    let mut taken = Taken { accepted: 0, matched: 0, refused: Vec::new() };
    taken.refused.extend(bad.into_iter().map(|(line, bad)| Refused {
        line: Some(line),
        id: None,
        reason: bad.to_string(),
    }));
    let mut intakes: BTreeMap<String, Intake> = BTreeMap::new();
    for mut line in lines {
        let id = line.name();
        let offered = place(desk, caller, source, &mut line, &mut intakes).and_then(|intake| {
            let at = line.created_at();
            intake.take(line, at).map_err(|bad| bad.to_string())
        });
        match offered {
            Ok(matched) => {
                taken.accepted += 1;
                taken.matched += u64::from(matched);
            }
            Err(reason) => taken.refused.push(Refused { line: None, id: Some(id), reason }),
        }
    }
    if taken.accepted == 0 {
        return Err(nothing_sound(taken.refused));
    }
    Ok((taken, intakes.into_values().collect()))
}

/// The intake that the post or follow goes by. A push source speaks for itself alone, whatever its posts claim. What an admin
/// sends goes by the source asked for and keeps the name of its own, which need not be configured: so does an import.
fn place<'i>(
    desk: &Desk,
    caller: &Caller,
    asked: Option<&str>,
    line: &mut Line<'_>,
    intakes: &'i mut BTreeMap<String, Intake>,
) -> Result<&'i mut Intake, String> {
    let way = match (caller.right, asked) {
        (Right::Push, _) => caller.who.clone(),
        (Right::Person(_), Some(source)) => source.to_owned(),
        (Right::Person(_), None) => line.source().to_string(),
    };
    if way.is_empty() {
        return Err("names no source".to_owned());
    }
    // A person's follow that names no source finds it by its account.
    let finds = matches!(line, Line::Follow(_));
    if caller.right == Right::Push || (line.source().is_empty() && !finds) {
        *line.source() = Str::from(way.clone());
    }
    if !intakes.contains_key(&way) {
        if intakes.len() >= SOURCES_MAX {
            return Err(format!("over {SOURCES_MAX} sources in one push"));
        }
        let intake = (desk.door.intake)(&way).ok_or_else(|| format!("source `{way}` takes no posts"))?;
        intakes.insert(way.clone(), intake);
    }
    intakes.get_mut(&way).ok_or_else(|| format!("source `{way}` takes no posts"))
}

fn nothing_sound(refused: Vec<Refused>) -> Problem {
    let mut problem = Problem::bad(if refused.is_empty() { "no posts in the body" } else { "no post was sound" });
    problem.errors = refused
        .into_iter()
        .map(|refused| {
            let place = refused.line.map(|line| format!("line {line}")).or(refused.id).unwrap_or_default();
            Fault { span: None, field: None, message: format!("{place}: {}", refused.reason), hint: None }
        })
        .collect();
    problem
}

#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Gzip,
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim()) {
        None | Some("" | "identity") => Ok(Encoding::Plain),
        Some("gzip" | "x-gzip") => Ok(Encoding::Gzip),
        Some(other) => {
            let detail = format!("send gzip or nothing as Content-Encoding, not `{other}`");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

async fn inflated(body: Bytes, encoding: Encoding) -> Result<Bytes, Problem> {
    match encoding {
        Encoding::Plain => Ok(body),
        Encoding::Gzip => tokio::task::spawn_blocking(move || inflate(&body))
            .await
            .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a defect of the daemon; see its log"))?,
    }
}

fn inflate(body: &[u8]) -> Result<Bytes, Problem> {
    let mut out = Vec::new();
    let read = MultiGzDecoder::new(body).take(PUSH_INFLATED_BYTES_MAX as u64 + 1).read_to_end(&mut out);
    if out.len() > PUSH_INFLATED_BYTES_MAX {
        let detail = format!("the body is over {PUSH_INFLATED_BYTES_MAX} bytes when decompressed");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    read.map_err(|error| Problem::bad(format!("the body is no gzip: {error}")))?;
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_refused_and_rubbish_too() {
        assert_eq!(inflate(&gzip(b"hello")).unwrap().as_ref(), b"hello");
        let bomb = gzip(&vec![0; PUSH_INFLATED_BYTES_MAX + 1]);
        assert!(bomb.len() < 100_000);
        assert_eq!(inflate(&bomb).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(inflate(b"rubbish").unwrap_err().status, StatusCode::BAD_REQUEST);
        assert_eq!(inflate(&gzip(b"hello")[..12]).unwrap_err().status, StatusCode::BAD_REQUEST);
    }
}
