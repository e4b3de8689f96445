//! Words as a query asks for them. A piece of text is a row of words, as [`crate::text::words`] splits it; distances and
//! widths count these. In scripts without spaces that is a character each.

/// Words that follow each other, or stand near the places that they would have then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Phrase {
    /// Not empty.
    pub words: Vec<Word>,
    /// The last one may go on.
    pub prefix: bool,
    /// How far words may stand from their places in the phrase, taken together; 0: they follow each other.
    pub slop: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// Folded.
    Plain(String),
    /// As it is written, case and accents included, and what that folds to.
    Exact { folded: String, written: String },
    /// A word of a script without spaces that the dictionary knows, as its characters: not found inside another word.
    Whole(Vec<String>),
    /// Any other text without a space between, such as a name that no dictionary knows: its characters, wherever they
    /// follow each other.
    Stretch(Vec<String>),
}

impl Word {
    /// How many words of a text it takes.
    pub fn width(&self) -> usize {
        self.parts().len()
    }

    /// The words of a text that it takes, folded.
    pub fn parts(&self) -> &[String] {
        match self {
            Word::Plain(folded) | Word::Exact { folded, .. } => std::slice::from_ref(folded),
            Word::Whole(parts) | Word::Stretch(parts) => parts,
        }
    }
}

impl Phrase {
    /// How many words of a text it takes when they follow each other.
    pub fn width(&self) -> usize {
        self.words.iter().map(Word::width).sum()
    }

    /// Each word with its distance from the first, and whether it may go on.
    pub fn placed(&self) -> impl Iterator<Item = (usize, &Word, bool)> + Clone {
        let last = self.words.len().saturating_sub(1);
        self.words.iter().enumerate().scan(0, move |offset, (n, word)| {
            let at = *offset;
            *offset += word.width();
            Some((at, word, self.prefix && n == last))
        })
    }
}
