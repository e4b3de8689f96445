//! Letters to tokens: words, links, handles, hashtags and signs. Steps 3 to 5 and 7 of `models/train/text.py`, the
//! specification. Knows no vocabulary.

use super::letter::{Class, Letter};

/// Stretches of the letters that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'t> {
    Word(&'t [Letter]),
    Link,
    Handle,
    /// What follows the `#`.
    Tag(&'t [Letter]),
    /// A punctuation sign, an ideograph or an emoji.
    Sign(char),
}

/// The tokens of a text in their order.
pub struct Tokens<'t> {
    letters: &'t [Letter],
    at: usize,
    /// The last two tokens, where they were signs.
    before: [Option<char>; 2],
}

impl<'t> Tokens<'t> {
    pub fn new(letters: &'t [Letter]) -> Self {
        Self { letters, at: 0, before: [None; 2] }
    }

    /// The letters from `start` on, up to the first one not yet passed that `goes_on` is not true of.
    fn run(&mut self, start: usize, goes_on: impl Fn(&Letter) -> bool) -> &'t [Letter] {
        self.at += self.letters[self.at..].iter().take_while(|letter| goes_on(letter)).count();
        &self.letters[start..self.at]
    }

    fn word_at(&self, at: usize) -> bool {
        self.letters.get(at).is_some_and(Letter::in_word)
    }

    fn joiner_at(&self, at: usize) -> bool {
        self.letters.get(at).is_some_and(|letter| matches!(letter.char, '_' | '@' | '.' | '-'))
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        let token = loop {
            let start = self.at;
            let Letter { char, class, .. } = *self.letters.get(start)?;
            self.at += 1;
            break match class {
                Class::Space | Class::Dropped => continue,
                Class::Letter | Class::Digit => {
                    let word = self.run(start, Letter::in_word);
                    if is_link(word) {
                        self.run(start, |letter| letter.class != Class::Space);
                        Token::Link
                    } else {
                        Token::Word(word)
                    }
                }
                Class::Punctuation if char == '@' && self.word_at(self.at) => {
                    while self.word_at(self.at) || self.joiner_at(self.at) && self.word_at(self.at + 1) {
                        self.at += 1;
                    }
                    Token::Handle
                }
                Class::Punctuation if char == '#' && self.word_at(self.at) => {
                    Token::Tag(self.run(self.at, |letter| letter.in_word() || letter.char == '_'))
                }
                Class::Punctuation if matches!(self.letters[..start], [.., a, b] if a.char == char && b.char == char) =>
                {
                    continue;
                }
                Class::Emoji if self.before == [Some(char); 2] => continue,
                _ => Token::Sign(char),
            };
        };
        let sign = if let Token::Sign(sign) = token { Some(sign) } else { None };
        self.before = [self.before[1], sign];
        Some(token)
    }
}

fn is_link(word: &[Letter]) -> bool {
    ["http", "https", "www"].iter().any(|link| word.iter().map(|letter| letter.char).eq(link.chars()))
}

/// Tells the parts of a hashtag one by one: it is parted at `_`, between letter and digit, before a capital that
/// follows a small letter, and before the last of several capitals that a small letter follows.
pub fn each_part(tag: &[Letter], mut tell: impl FnMut(&[Letter])) {
    for mut rest in tag.split(|letter| letter.char == '_') {
        while !rest.is_empty() {
            let end = (1..rest.len()).find(|at| begins(rest, *at)).unwrap_or(rest.len());
            tell(&rest[..end]);
            rest = &rest[end..];
        }
    }
}

fn begins(letters: &[Letter], at: usize) -> bool {
    let (before, here) = (letters[at - 1], letters[at]);
    let small_follows = || letters.get(at + 1).is_some_and(|after| after.class == Class::Letter && !after.capital);
    before.class != here.class || here.capital && (!before.capital || small_follows())
}
