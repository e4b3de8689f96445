//! The followers of the invented week: people who come at their hours, two weeks before it and through it, and one night
//! a few hundred that were bought. Made by dice with a fixed seed, so that every demo is the same.

use crate::classify::interval::Random;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The source whose own account they follow, and its recording beside those of the sources.
const SOURCE: &str = "bluesky";
pub const RECORDING: &str = "followers";
const ACCOUNT: &str = "fernwick.example";

const SEED: u64 = 0x6b65_7474_6c65;
/// Two weeks before the week, so that its usual hours are known.
const FROM_HOUR: i64 = -14 * 24;
const HOURS: i64 = 21 * 24;
const PEOPLE: u64 = 840;
/// The sixth night, from ten past two.
const WAVE_FROM_MINUTE: i64 = 5 * 24 * 60 + 130;
const WAVE_MINUTES: u64 = 115;
const BOUGHT: u64 = 400;

/// How busy each hour of the day is (UTC), in tenths: a brand whose customers live in Europe.
const RHYTHM: [u64; 24] = [3, 2, 1, 1, 1, 2, 6, 11, 14, 15, 15, 15, 17, 15, 14, 14, 15, 17, 20, 23, 24, 20, 13, 7];

const FIRST: [&str; 32] = [
    "ann", "bea", "carlo", "dina", "emil", "fatma", "george", "hanna", "ilse", "jonas", "kofi", "lena", "marek",
    "nora", "oscar", "paula", "quinn", "rosa", "samir", "tilda", "ugo", "vera", "wanda", "yusuf", "zoe", "aiko",
    "bruno", "celia", "dario", "elin", "freya", "gwen",
];
const LAST: [&str; 24] = [
    "harrow",
    "lindqvist",
    "moreau",
    "okafor",
    "pells",
    "quill",
    "rossi",
    "sato",
    "tanner",
    "ueda",
    "vance",
    "weller",
    "yilmaz",
    "zeller",
    "abara",
    "brandt",
    "cole",
    "duarte",
    "ekman",
    "fenn",
    "garza",
    "holm",
    "ivers",
    "joss",
];
const LIKES: [&str; 20] = [
    "tea",
    "trail running",
    "old radios",
    "bread",
    "cats",
    "crime novels",
    "cycling",
    "allotments",
    "choirs",
    "chess",
    "maps",
    "ceramics",
    "birds",
    "football",
    "sourdough",
    "sewing",
    "jazz",
    "open data",
    "long walks",
    "teaching",
];
const TRADES: [&str; 8] =
    ["Kitchens", "Bakery", "Books", "Hardware", "Tea Rooms", "Interiors", "Repair Cafe", "Homewares"];
/// What sellers of followers write into profiles that shall look alive: a few, again and again.
const BOUGHT_BIOS: [&str; 5] = [
    "Crypto enthusiast and dreamer, follow me and I follow back",
    "Living life one day at a time, DM for promo and collabs",
    "Make money from home, ask me how, link below",
    "Positive vibes only, travel, fashion and good coffee always",
    "Digital marketing expert, grow your page with us today",
];

struct Dice(Random);

impl Dice {
    /// `low..=high`
    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.bits() % (high - low + 1)
    }

    /// `low..=high`, small numbers as often as large ones of ten times their size.
    fn spread(&mut self, low: u64, high: u64) -> u64 {
        let ratio = (high + 1) as f64 / (low + 1) as f64;
        ((low + 1) as f64 * ratio.powf(self.0.uniform())) as u64 - 1
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.0.bits() % 100 < percent
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words[(self.0.bits() % words.len() as u64) as usize]
    }
}

/// Follows and unfollows as lines of the contract's JSON, oldest first. `start`: midnight before the week.
pub fn lines(start: Timestamp) -> Vec<Value> {
    let mut dice = Dice(Random(SEED));
    let mut lines: Vec<(Timestamp, Value)> = Vec::new();
    for number in 0..PEOPLE {
        let at = person_comes(start, &mut dice);
        let author = person(at, number, &mut dice);
        if dice.percent(4) {
            let leaves = at + SignedDuration::from_hours(dice.between(5, 90) as i64);
            lines.push((leaves, line(leaves, &author, number, true)));
        }
        lines.push((at, line(at, &author, number, false)));
    }
    for number in PEOPLE..PEOPLE + BOUGHT {
        // An order begins slowly, runs, and fades.
        let minute = (dice.between(0, WAVE_MINUTES) + dice.between(0, WAVE_MINUTES)) as i64 / 2;
        let second = (WAVE_FROM_MINUTE + minute) * 60 + dice.between(0, 59) as i64;
        let at = start + SignedDuration::from_secs(second);
        let author = bought(start, number, &mut dice);
        lines.push((at, line(at, &author, number, false)));
    }
    let end = start + SignedDuration::from_hours(FROM_HOUR + HOURS);
    lines.retain(|(at, _)| *at < end);
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}

fn line(at: Timestamp, author: &Value, number: u64, deleted: bool) -> Value {
    let id = author["id"].as_str().unwrap_or_default();
    json!({
        "kind": "follow", "id": format!("at://{id}/app.bsky.graph.follow/{number:05}"), "source": SOURCE,
        "account": ACCOUNT, "created_at": at.to_string(), "author": author, "deleted": deleted,
    })
}

fn person_comes(start: Timestamp, dice: &mut Dice) -> Timestamp {
    loop {
        let hour = dice.between(0, HOURS as u64 - 1) as i64;
        if dice.between(0, 23) < RHYTHM[(hour % 24) as usize] {
            let second = dice.between(0, 3_599) as i64;
            return start + SignedDuration::from_secs((FROM_HOUR + hour) * 3_600 + second);
        }
    }
}

/// Somebody who found the kettles: active, only reading, new here, a shop, well known.
fn person(at: Timestamp, number: u64, dice: &mut Dice) -> Value {
    let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
    let handle = match dice.between(0, 4) {
        0 => format!("{first}.{last}"),
        1 => format!("{first}{last}"),
        2 => format!("{first}-{}", dice.pick(&["makes", "reads", "cooks", "outside", "writes"])),
        3 => format!("{last}{}", dice.between(1, 99)),
        _ => format!("{}{last}", &first[..1]),
    };
    let name = format!("{} {}", capital(first), capital(last));
    let bio = format!("{}, {} and {}.", capital(dice.pick(&LIKES)), dice.pick(&LIKES), dice.pick(&LIKES));
    let mut author = match dice.between(0, 99) {
        0..=57 => counts(dice, (40, 1_500), (50, 900), (80, 9_000), (200, 2_600)),
        58..=74 => counts(dice, (3, 70), (30, 300), (0, 30), (150, 2_400)),
        75..=81 => counts(dice, (0, 20), (8, 90), (0, 12), (2, 40)),
        82..=94 => counts(dice, (150, 6_000), (50, 900), (100, 4_000), (200, 2_600)),
        _ => counts(dice, (4_000, 60_000), (200, 1_800), (1_500, 30_000), (700, 2_900)),
    };
    let shop = author["followers"].as_u64() > Some(150) && dice.percent(30);
    let shows = if author["posts"].as_u64() > Some(20) { 95 } else { 72 };
    author["id"] = format!("did:plc:demoperson{number:05}").into();
    author["handle"] = format!("{handle}.example").into();
    author["name"] = if shop { format!("{} {}", capital(last), dice.pick(&TRADES)) } else { name }.into();
    author["has_avatar"] = dice.percent(shows).into();
    if dice.percent(shows - 10) {
        author["bio"] = bio.into();
    }
    made(author, at, dice)
}

/// What an order brings: mostly empty accounts made for it, some that were kept for years, some with bought posts.
fn bought(start: Timestamp, number: u64, dice: &mut Dice) -> Value {
    let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
    let made_at = start + SignedDuration::from_hours(3 * 24 + 4);
    let style = dice.between(0, 99);
    let mut author = match style {
        0..=35 => counts(dice, (0, 8), (900, 5_000), (0, 1), (0, 0)),
        36..=59 => counts(dice, (4, 60), (150, 700), (0, 4), (0, 0)),
        60..=84 => counts(dice, (20, 200), (200, 1_500), (0, 20), (500, 1_500)),
        _ => counts(dice, (40, 400), (500, 2_500), (40, 300), (40, 400)),
    };
    author["id"] = format!("did:plc:demoseller{number:05}").into();
    let digits = dice.between(10_000, 99_999_999);
    author["handle"] = match style {
        0..=59 => format!("{first}{last}{:05}.example", digits % 100_000),
        60..=84 => format!("{first}_{digits}.example"),
        _ => format!("{last}.{first}{}.example", digits % 1_000),
    }
    .into();
    author["name"] = capital(first).into();
    author["has_avatar"] = dice.percent(if style < 60 { 25 } else { 90 }).into();
    if style >= 85 || dice.percent(12) {
        author["bio"] = dice.pick(&BOUGHT_BIOS).into();
    }
    if style < 60 {
        // One after another, within an evening.
        author["created_at"] =
            (made_at + SignedDuration::from_secs(dice.between(0, 4 * 3_600) as i64)).to_string().into();
        return author;
    }
    made(author, made_at, dice)
}

type Range = (u64, u64);

/// `days`: how old the account is.
fn counts(dice: &mut Dice, followers: Range, following: Range, posts: Range, days: Range) -> Value {
    let mut spread = |(low, high): Range| dice.spread(low, high);
    json!({"followers": spread(followers), "following": spread(following), "posts": spread(posts), "days": spread(days)})
}

/// Turns the account's age in days into when it was made.
fn made(mut author: Value, at: Timestamp, dice: &mut Dice) -> Value {
    let days = author["days"].as_i64().unwrap_or_default();
    let age = SignedDuration::from_hours(24 * days) + SignedDuration::from_secs(dice.between(600, 86_399) as i64);
    author["created_at"] = (at - age).to_string().into();
    author
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::line::{Line, parse};
    use std::collections::BTreeSet;

    #[test]
    fn every_line_is_a_follow_and_nobody_is_there_twice() {
        let start = "2026-11-16T00:00:00Z".parse().unwrap();
        let lines = lines(start);
        assert_eq!(lines, super::lines(start), "every demo is the same");
        let (mut followers, mut before, mut leave) = (BTreeSet::new(), Timestamp::MIN, 0);
        for line in &lines {
            let text = line.to_string();
            let Ok(Line::Follow(follow)) = parse(text.as_bytes()) else { panic!("{text}") };
            assert!(follow.created_at >= before, "oldest first");
            before = follow.created_at;
            assert!(follow.author.created_at.unwrap() < follow.created_at, "{text}");
            if follow.deleted {
                leave += 1;
                assert!(followers.contains(&follow.follower()), "nobody leaves before coming: {text}");
            } else {
                assert!(followers.insert(follow.follower()), "{text}");
            }
        }
        assert_eq!((followers.len() as u64, leave > 10), (PEOPLE + BOUGHT, true), "{leave} leave");
    }
}
