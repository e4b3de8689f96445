//! Waves of new followers: one alert each, for what a rule asks for.

use super::*;
use crate::brand::{Burst, Hour, Influx, Surge};

const BOUGHT: &str =
    r#"detect = { kind = "growth", within = "24h", factor = 4, min_count = 50, spam_share_min = 0.5 }"#;
const ANY: &str =
    r#"detect = { kind = "growth", account = "acme.example", within = "24h", factor = 4, min_count = 50 }"#;

/// A wave that began at minute 0, of which `counted` came in its first hour.
fn wave(counted: u64, low: f64) -> Burst {
    let surge = Surge {
        from: at(0),
        until: None,
        counted,
        expected: 12.0,
        spam: f64::midpoint(low, 1.0),
        low,
        high: low + 0.25,
        known: counted,
        unknown: 0,
        strange: false,
    };
    Burst { surge, hours: vec![Hour { start: at(0), counted, expected: 12.0 }] }
}

fn over(mut burst: Burst, until: i64) -> Burst {
    burst.surge.until = Some(at(until));
    burst
}

fn unknown(mut burst: Burst) -> Burst {
    let surge = &mut burst.surge;
    (surge.known, surge.unknown) = (0, surge.counted);
    burst
}

fn later(mut burst: Burst, minutes: i64) -> Burst {
    burst.surge.from = at(minutes);
    burst.hours[0].start = at(minutes);
    burst
}

fn look(minute: i64, bursts: Vec<Burst>) -> Influx {
    Influx {
        brand: "acme".into(),
        source: "bsky".into(),
        account: "did:plc:acme".into(),
        handle: "acme.example".into(),
        at: at(minute),
        bursts,
    }
}

fn told(engine: &mut Engine) -> Vec<String> {
    engine.take_changes().iter().map(tell).collect()
}

fn life() -> Vec<Influx> {
    vec![
        look(5, vec![wave(30, 0.6)]),
        look(10, vec![wave(60, 0.6)]),
        look(15, vec![wave(60, 0.6)]),
        look(20, vec![wave(90, 0.3)]),
        look(25, vec![wave(250, 0.6)]),
        look(70, vec![over(wave(250, 0.6), 60)]),
        look(130, vec![over(wave(250, 0.6), 60)]),
        look(200, vec![over(wave(250, 0.6), 60), later(wave(80, 0.6), 180)]),
        look(210, vec![over(later(wave(80, 0.6), 180), 205), later(wave(70, 0.6), 207)]),
    ]
}

const TOLD: [&[&str]; 9] = [
    &[],
    &["opened P3 x60"],
    &[],
    &["- P3 x90"],
    &["updated P3 x250"],
    &["- P3 x250"],
    &["resolved P3 x250"],
    &["opened P3 x80"],
    &["resolved P3 x80", "opened P3 x70"],
];

#[test]
fn one_alert_a_wave_opened_updated_and_resolved() {
    let mut engine = engine(BOUGHT);
    for (influx, expected) in life().iter().zip(TOLD) {
        engine.tick(influx.at);
        engine.observe(influx);
        assert_eq!(told(&mut engine), expected, "{}", influx.at);
    }
    let alert = engine.alerts().next().unwrap();
    assert_eq!((alert.growth.map(|surge| surge.from), alert.mentions.len()), (Some(at(207)), 0));
}

#[test]
fn a_restart_changes_nothing_of_waves() {
    for every in 1..4 {
        let rules = || read(&format!("schema = 1\n[[rule]]\nid = \"r\"\nsay = \"{{count}}\"\n{BOUGHT}\n")).unwrap();
        let (mut engine, mut stored) =
            (Engine::new(rules(), Vec::new(), Vec::new()), BTreeMap::<String, String>::new());
        for (n, (influx, expected)) in life().iter().zip(TOLD).enumerate() {
            if n % every == 0 {
                let alerts = stored.values().map(|body| serde_json::from_str::<Alert>(body).unwrap());
                let recent =
                    alerts.filter(|alert| alert.resolved_at.is_none_or(|at| at >= influx.at - rules().recall_max()));
                engine = Engine::new(rules(), Vec::new(), recent.collect());
            }
            engine.tick(influx.at);
            engine.observe(influx);
            let changes = engine.take_changes();
            assert_eq!(changes.iter().map(tell).collect::<Vec<_>>(), expected, "every {every}: {}", influx.at);
            for Change { alert, .. } in changes {
                stored.insert(alert.id.clone(), serde_json::to_string(&alert).unwrap());
            }
        }
        assert_eq!(stored.len(), 3);
    }
}

#[test]
fn a_wave_that_was_resolved_by_hand_stays_so() {
    let mut engine = engine(BOUGHT);
    engine.observe(&look(10, vec![wave(60, 0.6)]));
    let opened = engine.take_changes().remove(0).alert;
    assert!(engine.resolve(&opened.id, "kim", at(20)));
    let resolved = engine.take_changes().remove(0).alert;
    engine.observe(&look(30, vec![wave(900, 0.9)]));
    assert!(told(&mut engine).is_empty());
    let rules = read(&format!("schema = 1\n[[rule]]\nid = \"r\"\n{BOUGHT}\n")).unwrap();
    let mut engine = Engine::new(rules, Vec::new(), vec![resolved]);
    engine.observe(&look(30, vec![wave(900, 0.9)]));
    assert!(told(&mut engine).is_empty(), "after a restart too");
}

#[test]
fn only_what_a_rule_asks_for_alerts() {
    let old = |counted| later(wave(counted, 0.9), -26 * 60);
    let apart = |counted, hours: i64| {
        let (mut first, second) = (wave(counted, 0.9), later(wave(counted, 0.9), hours * 60));
        first.hours[0].expected = 1.0;
        first.hours.push(Hour { expected: 1.0, ..second.hours[0] });
        first
    };
    let first = |counted, mut burst: Burst| {
        burst.hours[0].counted = counted;
        burst
    };
    let cases = [
        ("bought", wave(60, 0.5), true, true),
        ("people", wave(900, 0.02), false, true),
        ("nothing known of them", unknown(wave(900, 0.9)), false, true),
        ("not clear", wave(900, 0.49), false, true),
        ("too few", wave(49, 0.9), false, false),
        (
            "too little beyond the usual",
            {
                let mut near = wave(60, 0.9);
                near.hours[0].expected = 16.0;
                near
            },
            false,
            false,
        ),
        ("heard late", old(900), true, true),
        ("never so many within the window", apart(40, 25), false, false),
        ("just so many within the window", apart(40, 24), true, true),
        ("few at first", first(10, apart(60, 25)), true, true),
        ("over, but within the window", over(wave(900, 0.9), 60), true, true),
    ];
    for (name, burst, bought, any) in cases {
        for (keys, expected) in [(BOUGHT, bought), (ANY, any)] {
            let mut engine = engine(keys);
            engine.observe(&look(120, vec![burst.clone()]));
            assert_eq!(!told(&mut engine).is_empty(), expected, "{name}: {keys}");
        }
    }
    let mut elsewhere = look(10, vec![wave(900, 0.9)]);
    (elsewhere.handle, elsewhere.account) = ("other.example".into(), "did:plc:other".into());
    for (keys, alerts) in [(ANY, false), (BOUGHT, true)] {
        let mut engine = engine(keys);
        engine.observe(&elsewhere);
        assert_eq!(!told(&mut engine).is_empty(), alerts, "{keys}");
    }
    for keys in ["brand = [\"other\"]", "mode = \"off\"", "mode = \"shadow\""] {
        let mut engine = engine(&format!("{keys}\n{BOUGHT}"));
        engine.observe(&look(10, vec![wave(900, 0.9)]));
        assert!(told(&mut engine).is_empty(), "{keys}");
    }
}

#[test]
fn it_says_how_many_and_how_sure() {
    let rules = format!(
        "schema = 1\n[[rule]]\nid = \"r\"\nsay = \"{{account}} on {{source}}, {{brand}}: {{count}} for {{usual}}, {{share}} ({{interval}})\"\n{ANY}\n"
    );
    let mut engine = Engine::new(read(&rules).unwrap(), Vec::new(), Vec::new());
    let mut burst = wave(412, 0.62);
    (burst.surge.unknown, burst.surge.strange) = (120, true);
    engine.observe(&look(10, vec![burst]));
    let alert = engine.take_changes().remove(0).alert;
    assert_eq!(alert.title, "acme.example on bsky, acme: 412 for 12, 81 % (62 to 87 %)");
    assert_eq!(
        alert.reasons,
        [
            "412 new followers since 2027-01-15T08:00:00Z where 12 would be usual",
            "of those beyond it 62 to 87 % look like spam",
            "they are unlike the profiles that the model was measured on",
            "the profiles of 120 of them are not known yet",
        ]
    );
    assert_eq!(
        alert.group,
        BTreeMap::from([("account".into(), "acme.example".into()), ("source".into(), "bsky".into())])
    );
    engine.observe(&look(15, vec![unknown(wave(413, 0.0))]));
    let alert = engine.take_changes().remove(0).alert;
    assert_eq!(alert.title, "acme.example on bsky, acme: 413 for 12, ? (?)");
    assert_eq!(alert.reasons[1..], ["none of their profiles is known yet"]);
}

#[test]
fn nobody_who_says_how_it_goes_on_lets_it_end() {
    let mut engine = engine(BOUGHT);
    engine.observe(&look(10, vec![wave(60, 0.6)]));
    told(&mut engine);
    engine.tick(at(10 + 24 * 60 - 1));
    assert!(told(&mut engine).is_empty());
    engine.tick(at(10 + 24 * 60));
    assert_eq!(told(&mut engine), ["resolved P3 x60"]);
    // The events of a wave may be gone, with the accounts that they were of.
    let mut engine = super::engine(BOUGHT);
    engine.observe(&look(10, vec![wave(60, 0.6)]));
    told(&mut engine);
    engine.observe(&look(15, Vec::new()));
    assert_eq!(told(&mut engine), ["resolved P3 x60"]);
}

pub(super) fn the_default_rules_tell_of_bought_followers(rules: RuleSet) {
    for (low, expected) in [(0.62, Some(Priority::P2)), (0.02, None)] {
        let mut engine = Engine::new(rules.clone(), Vec::new(), Vec::new());
        engine.observe(&look(10, vec![wave(412, low)]));
        let opened = engine.take_changes();
        assert_eq!(opened.first().map(|change| change.alert.priority), expected);
        for Change { alert, .. } in opened {
            assert_eq!(
                alert.title,
                "acme.example has 412 new followers where 12 would be usual; of those beyond it 62 to 87 % look like spam"
            );
        }
    }
}
