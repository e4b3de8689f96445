//! Where words begin in scripts that write no spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese), by the dictionaries
//! of ICU. Their text is split into single characters ([`super::parts`]); this tells which of them begin a word, so that
//! `京都` is not found in `東京都`.

use super::span::is_unspaced;
use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use std::ops::Range;
use std::sync::LazyLock;

static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()));

/// For each word of a text whether a word of the dictionary begins there. Keeps its memory from text to text.
#[derive(Clone, Debug, Default)]
pub struct Begins(Vec<bool>);

impl Begins {
    /// `words`: where the words of `folded` stand (bytes), in order. Characters that touch each other are one run, which
    /// is looked at by itself, so that the same run has the same words wherever it stands.
    pub fn read(&mut self, folded: &str, words: &[Range<usize>]) {
        self.0.clear();
        self.0.resize(words.len(), true);
        if folded.is_ascii() {
            return;
        }
        let mut at = 0;
        while at < words.len() {
            let mut next = at + 1;
            if folded[words[at].clone()].starts_with(is_unspaced) {
                while next < words.len()
                    && words[next].start == words[next - 1].end
                    && folded[words[next].clone()].starts_with(is_unspaced)
                {
                    next += 1;
                }
                self.run(folded, words, at..next);
            }
            at = next;
        }
    }

    fn run(&mut self, folded: &str, words: &[Range<usize>], run: Range<usize>) {
        let (start, end) = (words[run.start].start, words[run.end - 1].end);
        let mut breaks = SEGMENTER.segment_str(&folded[start..end]).map(|at| start + at).peekable();
        for at in run {
            while breaks.next_if(|&before| before < words[at].start).is_some() {}
            self.0[at] = breaks.peek() == Some(&words[at].start);
        }
    }

    /// Whether a word begins at the `at`-th; behind the last one everything begins.
    pub fn at(&self, at: usize) -> bool {
        self.0.get(at).copied().unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Kind, folded, parts};

    fn segments(text: &str) -> String {
        let folded = folded(text);
        let words: Vec<_> = parts(&folded).filter(|part| part.kind == Kind::Word).map(|part| part.range).collect();
        let mut begins = Begins::default();
        begins.read(&folded, &words);
        let mut out = String::new();
        for (at, word) in words.into_iter().enumerate() {
            if begins.at(at) && at > 0 {
                out.push('|');
            }
            out.push_str(&folded[word]);
        }
        out
    }

    #[test]
    fn finds_the_words_of_the_dictionaries() {
        for (text, expected) in [
            ("Hello, big world", "hello|big|world"),
            ("東京都に行きました", "東京|都|に|行き|まし|た"),
            ("返金してください!", "返金|し|てく|だ|さい"),
            ("我要退款，谢谢", "我要|退款|谢谢"),
            ("สวัสดีครับขอเงินคืน", "สวัสดี|ครับ|ขอ|เงิน|คืน"),
            ("ကောင်းပါတယ်", "ကောင်း|ပါ|တယ်"),
            ("らーめん東京タワーacme", "ら|ー|めん|東京|タワー|acme"),
            ("한국어 환불", "한국어|환불"),
            ("", ""),
        ] {
            assert_eq!(segments(text), expected, "{text}");
        }
    }
}
