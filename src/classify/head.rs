//! The heads as a person labels them: their classes, the words that name a class, and what scores say under each head.

use crate::mention::Scores;

/// What is asked of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    Sentiment,
    NeedsAnswer,
    Complaint,
    Offensive,
    Irony,
    Emotion,
}

/// Classes of the widest head.
pub const CLASSES_MAX: usize = 4;

/// What scores say under one head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// Index into [`Head::classes`].
    pub class: usize,
    /// Probability of each class, adding up to 1; what is beyond the head's classes is 0.
    pub p: [f32; CLASSES_MAX],
}

impl Head {
    pub const ALL: [(&'static str, Head); 6] = [
        ("sentiment", Head::Sentiment),
        ("needs_answer", Head::NeedsAnswer),
        ("complaint", Head::Complaint),
        ("offensive", Head::Offensive),
        ("irony", Head::Irony),
        ("emotion", Head::Emotion),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, head)| *head)
    }

    /// As labels write them. Of two, the second is the yes.
    pub fn classes(self) -> &'static [&'static str] {
        match self {
            Head::Sentiment => &["negative", "neutral", "positive"],
            Head::NeedsAnswer => &["no", "yes"],
            Head::Complaint => &["not_complaint", "complaint"],
            Head::Offensive => &["not_offensive", "offensive"],
            Head::Irony => &["not_ironic", "ironic"],
            Head::Emotion => &["anger", "joy", "optimism", "sadness"],
        }
    }

    /// The class that a label names, whatever its case. A head of two classes also takes `no` and `yes`.
    pub fn class(self, label: &str) -> Option<usize> {
        let among = |classes: &[&str]| classes.iter().position(|class| class.eq_ignore_ascii_case(label));
        let classes = self.classes();
        among(classes).or_else(|| if classes.len() == 2 { among(Head::NeedsAnswer.classes()) } else { None })
    }

    /// `None` where the model does not speak, as on a language it does not know.
    pub fn said(self, scores: &Scores) -> Option<Said> {
        let two = |yes: Option<f32>| yes.map(|p| Said { class: usize::from(p >= 0.5), p: [1.0 - p, p, 0.0, 0.0] });
        match self {
            Head::Sentiment => {
                let p = scores.p;
                Some(Said { class: scores.label as usize, p: [p.negative, p.neutral, p.positive, 0.0] })
            }
            Head::NeedsAnswer => two(scores.needs_answer),
            Head::Complaint => two(scores.complaint),
            Head::Offensive => two(scores.offensive),
            Head::Irony => two(scores.irony),
            Head::Emotion => scores.emotion.map(|p| {
                let p = [p.anger, p.joy, p.optimism, p.sadness];
                let class = (1..p.len()).fold(0, |best, class| if p[class] > p[best] { class } else { best });
                Said { class, p }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_names_a_class_of_its_head_only() {
        for (name, head) in Head::ALL {
            assert_eq!((head.name(), Head::by_name(name)), (name, Some(head)));
            assert!(head.classes().len() <= CLASSES_MAX);
            for (n, class) in head.classes().iter().enumerate() {
                assert_eq!(head.class(&class.to_uppercase()), Some(n));
            }
        }
        assert_eq!(Head::Irony.class("yes"), Some(1));
        assert_eq!(Head::Sentiment.class("yes"), None);
        assert_eq!(Head::Sentiment.class("anger"), None);
    }
}
