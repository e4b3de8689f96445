//! From a place in a folded text back to the text as it was written: for words that are asked for with case and accents,
//! and to show a person what was found.

use super::fold_telling;
use std::ops::Range;

/// Where each part of a folded text came from. Keeps its memory from text to text.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Where stretches begin, folded and written, in order; equal steps from there on unless `whole`. Empty: nothing moved.
    stretches: Vec<(u32, u32, bool)>,
    folded_end: usize,
    written_end: usize,
}

impl Places {
    /// As [`super::fold`], and remembers where everything came from.
    pub fn fold(&mut self, text: &str, out: &mut String) {
        let stretches = &mut self.stretches;
        stretches.clear();
        fold_telling(text, out, |stretch| {
            // A text is far shorter than 4 GiB.
            let (folded, written) = (stretch.folded as u32, stretch.written as u32);
            while stretches.last().is_some_and(|&(before, ..)| before >= folded) {
                stretches.pop();
            }
            stretches.push((folded, written, stretch.whole));
        });
        (self.folded_end, self.written_end) = (out.len(), text.len());
    }

    /// What stands in the written text for this range (bytes) of the folded one: all that any of it came from.
    pub fn written(&self, folded: &Range<usize>) -> Range<usize> {
        self.place(folded.start, false)..self.place(folded.end, true)
    }

    fn place(&self, folded: usize, is_end: bool) -> usize {
        if folded >= self.folded_end {
            return self.written_end;
        }
        let next = self.stretches.partition_point(|&(start, ..)| start as usize <= folded);
        let Some(&(start, written, whole)) = next.checked_sub(1).and_then(|at| self.stretches.get(at)) else {
            return folded;
        };
        let inside = folded - start as usize;
        match (whole && inside > 0, is_end) {
            (false, _) => written as usize + inside,
            (true, false) => written as usize,
            (true, true) => self.stretches.get(next).map_or(self.written_end, |&(_, written, _)| written as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::any_text;
    use crate::text::{folded, parts};
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let (mut places, mut out) = (Places::default(), String::new());
        places.fold(text, &mut out);
        parts(&out).map(|part| text[places.written(&part.range)].to_owned()).collect()
    }

    #[test]
    fn finds_words_as_they_were_written() {
        for (text, expected) in [
            ("Plain Words", vec!["Plain", "Words"]),
            ("SAP’s Résumé, re\u{301}sume\u{301}!", vec!["SAP", "s", "Résumé", "re\u{301}sume\u{301}"]),
            ("x \u{ad}Ac\u{ad}me\u{ad} y", vec!["x", "Ac\u{ad}me\u{ad}", "y"]),
            ("Straße ﬁne 👍🏽 #Émile", vec!["Straße", "ﬁne", "👍🏽", "Émile"]),
            ("東京 ｶﾞ", vec!["東", "京", "ｶﾞ"]),
            ("½ a", vec!["½", "½", "a"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    proptest! {
        /// Every word comes from a part of the text that folds to something with the word in it.
        #[test]
        fn places_are_sound(text in any_text()) {
            let (mut places, mut out) = (Places::default(), String::new());
            places.fold(&text, &mut out);
            prop_assert_eq!(&out, &folded(&text));
            let mut before = 0;
            for part in parts(&out) {
                let written = places.written(&part.range);
                prop_assert!(written.start <= written.end && text.get(written.clone()).is_some(), "{:?}", written);
                prop_assert!(written.start >= before);
                before = written.start;
                let again = folded(&text[written.clone()]);
                let word = &out[part.range.clone()];
                prop_assert!(again.contains(word) || !word.is_ascii(), "{} in {}", word, again);
            }
        }
    }
}
