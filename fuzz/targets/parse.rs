//! Any text as a query and as a list: no panic; a mistake has a place; what can be read is printed and read back as the
//! same.
#![no_main]

mod sample;

use libfuzzer_sys::fuzz_target;
use reputed::query::Query;
use reputed::query::list::List;
use std::sync::LazyLock;

static NAMES: LazyLock<reputed::query::names::Names> = LazyLock::new(sample::names);

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if text.len() > sample::BYTES_MAX {
        return;
    }
    match Query::parse_with(text, &NAMES) {
        Ok(query) => {
            let printed = query.to_string();
            match Query::parse_with(&printed, &NAMES) {
                Ok(again) => assert_eq!(again.expr, query.expr, "{text:?} as {printed:?}"),
                // Printing puts brackets where none have to stand.
                Err(errors) => assert!(errors[0].message.contains("nested deeper"), "{printed:?}: {errors:?}"),
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(text.get(error.span.clone()).is_some(), "{error:?} in {text:?}");
            }
            assert!(Query::parse_watch(text, &NAMES).is_err());
        }
    }
    match List::read("l", text) {
        Ok(list) => {
            let lines: Vec<String> = list.entries().iter().map(ToString::to_string).collect();
            for (entry, line) in list.entries().iter().zip(&lines) {
                let again = Query::parse(line).map(|query| query.expr);
                assert_eq!(again, Ok(reputed::query::Expr::Term(entry.clone())), "{line:?}");
            }
        }
        Err(mistakes) => {
            let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
            for mistake in mistakes {
                let line = lines.get(mistake.line - 1).copied().unwrap_or("");
                assert!(line.get(mistake.error.span.clone()).is_some(), "{mistake:?} in {text:?}");
            }
        }
    }
});
