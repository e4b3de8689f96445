//! Random commits against a model in memory.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One step, by numbers that are taken modulo what is there.
#[derive(Clone, Debug)]
enum Step {
    New {
        count: usize,
        author: u8,
    },
    Edit(usize),
    Delete(usize),
    Patch(usize, u8),
    /// A commit that fails at its end.
    Fail(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..80_usize, 0..4_u8).prop_map(|(count, author)| Step::New { count, author }),
        2 => any::<usize>().prop_map(Step::Edit),
        2 => any::<usize>().prop_map(Step::Delete),
        2 => (any::<usize>(), 0..5_u8).prop_map(|(at, status)| Step::Patch(at, status)),
        1 => (1..80_usize).prop_map(Step::Fail),
        1 => Just(Step::Restart),
    ]
}

/// Live mentions by number, and the latest change of every mention.
#[derive(Default)]
struct Model {
    live: BTreeMap<i64, Mention>,
    change: BTreeMap<i64, i64>,
    last_seq: i64,
    last_change: i64,
}

impl Model {
    fn changed(&mut self, seq: i64) {
        self.last_change += 1;
        self.change.insert(seq, self.last_change);
    }

    fn pick(&self, at: usize) -> Option<i64> {
        self.live.keys().nth(at % self.live.len().max(1)).copied()
    }

    fn next(&self, count: usize, author: u8) -> Vec<Mention> {
        let author = format!("author{author}");
        (1..=count as i64)
            .map(|n| self.last_seq + n)
            .map(|seq| mention(seq, &format!("id{seq}"), Some(&author)))
            .collect()
    }

    /// The commit of a step, applied to the model.
    fn apply(&mut self, step: &Step) -> Commit {
        let mut commit = Commit::default();
        match step {
            Step::New { count, author } => {
                let new = self.next(*count, *author);
                for mention in &new {
                    self.last_seq = mention.seq;
                    self.changed(mention.seq);
                    self.live.insert(mention.seq, mention.clone());
                }
                commit.new = arcs(new);
            }
            Step::Edit(at) => {
                let Some(seq) = self.pick(*at) else { return commit };
                let mut edited = self.live[&seq].clone();
                edited.post.text = format!("edit {at}").into();
                self.live.insert(seq, edited.clone());
                self.changed(seq);
                commit.edited.push(Arc::new(edited));
            }
            Step::Delete(at) => {
                let Some(seq) = self.pick(*at) else { return commit };
                self.live.remove(&seq);
                self.changed(seq);
                commit.deleted.push(seq);
            }
            Step::Patch(at, status) => {
                let Some(seq) = self.pick(*at) else { return commit };
                let status = Status::ALL[usize::from(*status)].1;
                self.changed(seq);
                if let Some(mention) = self.live.get_mut(&seq) {
                    mention.status = status;
                }
                commit.patches.push((seq, Patch { status: Some(status), ..Patch::default() }));
            }
            Step::Fail(_) | Step::Restart => {}
        }
        commit
    }
}

async fn agree(model: &Model, writer: &mut Writer, reader: &Reader) {
    assert_eq!((writer.next_seq(), reader.last_change().await.unwrap()), (model.last_seq + 1, model.last_change));
    let seqs: Vec<i64> = (1..=model.last_seq).collect();
    assert_eq!(reader.mentions(&seqs).await.unwrap(), model.live.values().cloned().collect::<Vec<_>>());
    assert_eq!(reader.mention_count().await.unwrap(), model.live.len() as u64);
    let changes = reader.changes(0, usize::MAX).await.unwrap();
    let stored: BTreeMap<i64, i64> = changes.iter().map(|changed| (changed.seq, changed.change)).collect();
    assert_eq!(stored, model.change);
    assert!(changes.iter().all(|changed| changed.mention.as_deref() == model.live.get(&changed.seq)));
    for author in 0..4 {
        let author = format!("author{author}");
        let wrote = |mention: &&Mention| mention.post.author.id.as_deref() == Some(&author);
        let expected: Vec<i64> = model.live.values().filter(wrote).map(|mention| mention.seq).collect();
        assert_eq!(reader.mentions_of_author("s", &author).await.unwrap(), expected);
    }
    let keys: Vec<_> = seqs.iter().map(|seq| key(&format!("id{seq}"))).collect();
    let known = reader.known(&keys).await.unwrap();
    assert_eq!(known.len(), seqs.len());
    assert!(known.iter().all(|(_, known)| known.deleted != model.live.contains_key(&known.seq)));
}

async fn play(steps: Vec<Step>) {
    let (dir, mut writer, mut reader) = fresh().await;
    let mut model = Model::default();
    for step in steps {
        match &step {
            Step::Restart => {
                writer.close().await.unwrap();
                drop(reader);
                (writer, reader) = open(dir.path()).await.unwrap();
            }
            Step::Fail(count) => {
                let mut new = model.next(*count, 0);
                new.push(new[0].clone());
                assert!(writer.commit(&Commit { new: arcs(new), ..Commit::default() }).await.is_err());
            }
            _ => {
                let commit = model.apply(&step);
                writer.commit(&commit).await.unwrap();
            }
        }
    }
    agree(&model, &mut writer, &reader).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn commits_agree_with_the_model(steps in proptest::collection::vec(step(), 1..24)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(play(steps));
    }
}
