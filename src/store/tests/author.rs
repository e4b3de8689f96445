//! Authors: judged anew, corrected by people, and gone without a trace.

use super::*;

fn profile(id: &str) -> Author<'static> {
    Author {
        id: Some(id.to_owned().into()),
        name: Some("Zebrafish".into()),
        bio: Some("unicorn".into()),
        followers: Some(3),
        following: Some(4_812),
        posts: Some(2),
        ..Author::default()
    }
}

fn likely() -> AuthorSpam {
    AuthorSpam { spam: Some(0.987_5), reasons: vec!["follows quokkas".into()] }
}

fn said(author: &str, spam: Option<bool>) -> AuthorCorrection {
    AuthorCorrection { source: "s".into(), author: author.into(), spam, who: "wombat".into(), at: at(5) }
}

async fn spam_of(reader: &Reader, seq: i64) -> AuthorSpam {
    reader.mention(seq).await.unwrap().unwrap().author_spam
}

#[tokio::test]
async fn a_profile_that_comes_later_judges_the_mention_and_the_index_hears_of_it() {
    let (_dir, mut writer, reader) = fresh().await;
    let new = arcs([mention(1, "a", Some("ann")), mention(2, "b", Some("bob"))]);
    writer.commit(&Commit { new, ..Commit::default() }).await.unwrap();
    let authors = vec![Fetched { spam: likely(), ..fetched("s", profile("ann")) }];
    writer.commit(&Commit { authors, ..Commit::default() }).await.unwrap();
    assert_eq!((spam_of(&reader, 1).await, spam_of(&reader, 2).await), (likely(), AuthorSpam::default()));
    let changes = reader.changes(2, 9).await.unwrap();
    assert_eq!(changes.iter().map(|changed| changed.seq).collect::<Vec<_>>(), [1]);
    assert_eq!(changes[0].mention.as_ref().unwrap().author_spam, likely());
    assert_eq!(changes[0].change, writer.last_change());
    let marked = vec![(2, AuthorSpam::said(true)), (77, likely())];
    writer.commit(&Commit { marked, deleted: vec![1], ..Commit::default() }).await.unwrap();
    assert_eq!(spam_of(&reader, 2).await, AuthorSpam::said(true));
    // A deleted one is not marked.
    let last = writer.last_change();
    writer.commit(&Commit { marked: vec![(1, likely())], ..Commit::default() }).await.unwrap();
    assert_eq!(writer.last_change(), last);
}

#[tokio::test]
async fn the_last_word_on_an_author_holds() {
    let (_dir, mut writer, reader) = fresh().await;
    for (word, holds) in [(Some(true), 1), (Some(false), 1), (None, 0)] {
        writer.commit(&Commit { corrections: vec![said("ann", word)], ..Commit::default() }).await.unwrap();
        assert_eq!(reader.author_correction("s", "ann").await.unwrap(), Some(said("ann", word)));
        assert_eq!(reader.author_corrections(9).await.unwrap().len(), holds);
    }
    assert_eq!(reader.author_correction("t", "ann").await.unwrap(), None);
    assert!(reader.knows_author("s", "ann").await.unwrap() && !reader.knows_author("s", "bob").await.unwrap());
}

#[tokio::test]
async fn an_account_that_is_gone_leaves_no_name_and_its_follow_is_still_counted() {
    let (dir, mut writer, reader) = fresh().await;
    let mut by_fan = mention(1, "a", Some("fan"));
    (by_fan.post.author, by_fan.author_spam) = (profile("fan"), likely());
    let commit = Commit {
        new: arcs([by_fan]),
        followers: vec![follower("kookaburra", 4, FollowKind::Follow)],
        authors: vec![Fetched { spam: likely(), ..fetched("s", profile("fan")) }],
        corrections: vec![said("fan", Some(true))],
        ..Commit::default()
    };
    writer.commit(&commit).await.unwrap();
    // Who still follows keeps the profile when the last mention goes.
    writer.commit(&Commit { deleted: vec![1], ..Commit::default() }).await.unwrap();
    assert_eq!(reader.authors("s", &["fan"]).await.unwrap().len(), 1);
    assert!(reader.author_correction("s", "fan").await.unwrap().is_some());
    let gone = vec![AuthorGone { source: "s".into(), author: "fan".into(), at: at(9) }];
    writer.commit(&Commit { gone, ..Commit::default() }).await.unwrap();
    assert!(!reader.knows_author("s", "fan").await.unwrap());
    let events = reader.followers("s", "own", at(0), 9).await.unwrap();
    let kinds: Vec<FollowKind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [FollowKind::Follow, FollowKind::Unfollow]);
    assert!(events.iter().all(|event| event.follower.starts_with("gone/") && event.record.is_empty()), "{events:?}");
    writer.close().await.unwrap();
    drop(reader);
    let bytes = fs::read(file::store(dir.path())).unwrap();
    for word in ["Zebrafish", "unicorn", "quokkas", "0.987", "wombat", "kookaburra"] {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} lingers");
    }
}

#[tokio::test]
async fn old_follows_are_forgotten_but_not_who_follows() {
    let (_dir, mut writer, reader) = fresh().await;
    let event = |who: &str, second, kind| FollowerEvent { follower: who.into(), ..follower("", second, kind) };
    let (follow, unfollow) = (FollowKind::Follow, FollowKind::Unfollow);
    let followers = vec![event("stays", 1, follow), event("left", 2, follow), event("left", 3, unfollow)];
    let authors = ["stays", "left"].map(|id| fetched("s", profile(id))).into();
    writer.commit(&Commit { followers, authors, ..Commit::default() }).await.unwrap();
    writer.commit(&Commit { followers: vec![event("new", 9, follow)], ..Commit::default() }).await.unwrap();
    writer.commit(&Commit { followers_until: Some(at(3)), ..Commit::default() }).await.unwrap();
    let kept = reader.followers("s", "own", at(0), 9).await.unwrap();
    assert_eq!(kept.iter().map(|event| event.follower.as_str()).collect::<Vec<_>>(), ["left", "new"]);
    assert_eq!(reader.authors("s", &["left"]).await.unwrap().len(), 1, "still told of");
    writer.commit(&Commit { followers_until: Some(at(4)), ..Commit::default() }).await.unwrap();
    assert!(!reader.knows_author("s", "left").await.unwrap());
    let mut following = Vec::new();
    reader.each_follower("s", "own", |author, _| following.push(author.name.is_some())).await.unwrap();
    following.sort_unstable();
    assert_eq!(following, [false, true], "those that follow are known as before");
}
