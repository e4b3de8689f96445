//! HTML to plain text.

/// The text a person reads, paragraphs and breaks as line breaks, hidden parts of links kept whole; nothing else of the markup.
pub fn to_text(_html: &str) -> String {
    todo!("text")
}
