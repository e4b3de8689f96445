//! The JSON that a webhook sends. Names are a contract with other people's scripts: add, never rename.

use super::Message;
use crate::alert::{Alert, TELLING_MAX};
use crate::mention::Mention;
use serde::Serialize;
use serde_json::Value;

/// People who may have seen a post, from which on that is worth saying.
const REACH_TOLD_MIN: u64 = 1_000;
/// Scores from which on they are worth saying.
const SCORE_TOLD_MIN: f32 = 0.5;

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: jiff::Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    alert: Value,
    mentions: Vec<Told<'a>>,
    links: Links,
    /// Only on a message that an operator asked for to try the hook.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    mention: &'a Mention,
    reasons: Vec<String>,
}

#[derive(Serialize)]
struct Links {
    open: String,
    ack: String,
}

/// The body, the same at every attempt as long as the mentions are.
///
/// # Errors
/// None that the world can cause; the caller refuses the message.
pub fn body(message: &Message) -> Result<Vec<u8>, serde_json::Error> {
    let delivery = &message.delivery;
    let mentions = message.mentions.iter().take(TELLING_MAX);
    serde_json::to_vec(&Envelope {
        kind: delivery.news.name(),
        timestamp: delivery.created_at,
        data: Data {
            alert: alert(&delivery.body)?,
            mentions: mentions.map(|mention| Told { mention, reasons: reasons(mention) }).collect(),
            links: links(&message.base_url, &delivery.body.id),
            test: message.test,
        },
    })
}

/// The alert without our own numbers of its mentions: those stand beside it, whole.
fn alert(alert: &Alert) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(alert)?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("mentions");
    }
    Ok(value)
}

fn links(base_url: &str, alert: &str) -> Links {
    let open = format!("{}/#/alerts/{alert}", base_url.trim_end_matches('/'));
    Links { ack: format!("{open}?ack"), open }
}

/// What makes the mention worth reading, in words.
fn reasons(mention: &Mention) -> Vec<String> {
    let mut reasons = Vec::new();
    let scores = mention.scores.as_ref();
    match (mention.correction, scores) {
        (Some(label), _) => reasons.push(format!("{} by a person's word", label.name())),
        (None, Some(scores)) => reasons.push(format!("{} ({:+.2})", scores.label.name(), scores.sentiment)),
        (None, None) => {}
    }
    if let Some(stars) = mention.post.rating {
        reasons.push(format!("{stars} of 5 stars"));
    }
    let told = |score: Option<f32>| score.filter(|score| *score >= SCORE_TOLD_MIN);
    for (what, score) in [
        ("complaint", scores.and_then(|scores| scores.complaint)),
        ("waits for an answer", scores.and_then(|scores| scores.needs_answer)),
        ("likely spam", mention.author_spam.spam),
    ] {
        reasons.extend(told(score).map(|score| format!("{what} ({score:.2})")));
    }
    let people = mention.post.reach.or(mention.post.author.followers).filter(|people| *people >= REACH_TOLD_MIN);
    reasons.extend(people.map(|people| format!("{people} people may have seen it")));
    reasons
}
