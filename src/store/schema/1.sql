-- Times are nanoseconds since 1970 (UTC). Posts, judgements, alerts and profiles are JSON: they are read whole.

CREATE TABLE mention (
    seq        INTEGER PRIMARY KEY,
    -- Numbers every insert, edit, patch and delete: the search index reads on from the last one that it holds.
    change     INTEGER NOT NULL,
    rewritten  INTEGER NOT NULL DEFAULT 0,
    deleted    INTEGER NOT NULL DEFAULT 0,
    -- Stands for the post's native id: the part that is counted up, then 16 bytes of a hash of it all.
    key        BLOB NOT NULL,
    source     TEXT NOT NULL,
    brand      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    edited_at  BIGINT,
    author     TEXT,
    content    BLOB NOT NULL,
    judged     TEXT NOT NULL,
    status     TEXT NOT NULL,
    assignee   TEXT,
    note       TEXT,
    correction TEXT,
    -- Last, since it is long: the columns before it are read without it.
    post       TEXT NOT NULL
);
CREATE UNIQUE INDEX mention_identity ON mention (key, source, brand);
CREATE UNIQUE INDEX mention_change ON mention (change);
CREATE INDEX mention_created ON mention (created_at) WHERE deleted = 0;
-- By shelves of 65,536 mentions: authors come in no order, so that each new mention would write a page of its own in an
-- index over all of them. A look-up asks each shelf.
CREATE INDEX mention_author ON mention (seq >> 16, author) WHERE author IS NOT NULL;

-- `seq` and `change`: the last number given. `live`: mentions that are not deleted.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('seq', 0), ('change', 0), ('live', 0);

CREATE TABLE cursor (
    source TEXT PRIMARY KEY,
    value  TEXT NOT NULL
);

CREATE TABLE gap (
    seq     INTEGER PRIMARY KEY,
    source  TEXT NOT NULL,
    from_at BIGINT NOT NULL,
    to_at   BIGINT NOT NULL,
    reason  TEXT NOT NULL
);
CREATE INDEX gap_source ON gap (source, seq);

CREATE TABLE author (
    source     TEXT NOT NULL,
    id         TEXT NOT NULL,
    fetched_at BIGINT NOT NULL,
    profile    TEXT NOT NULL,
    PRIMARY KEY (source, id)
);

CREATE TABLE alert (
    id        TEXT PRIMARY KEY,
    revision  BIGINT NOT NULL,
    state     TEXT NOT NULL,
    brand     TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    body      TEXT NOT NULL
);
CREATE INDEX alert_opened ON alert (opened_at, id);
CREATE INDEX alert_unresolved ON alert (opened_at, id) WHERE state <> 'resolved';

CREATE TABLE outbox (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    hook        TEXT NOT NULL,
    alert       TEXT NOT NULL,
    revision    BIGINT NOT NULL,
    news        TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempts    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    finished_at BIGINT,
    last_error  TEXT,
    body        TEXT NOT NULL
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox (seq) WHERE state = 'dead';
CREATE INDEX outbox_order ON outbox (alert, hook, revision) WHERE state = 'pending';

-- How things stand between an account and a follower, to tell news from repetition.
CREATE TABLE follow (
    source   TEXT NOT NULL,
    account  TEXT NOT NULL,
    follower TEXT NOT NULL,
    kind     TEXT NOT NULL,
    record   TEXT NOT NULL,
    PRIMARY KEY (source, account, follower)
);
CREATE INDEX follow_record ON follow (source, record) WHERE kind = 'follow' AND record <> '';

CREATE TABLE follower_event (
    seq      INTEGER PRIMARY KEY,
    source   TEXT NOT NULL,
    account  TEXT NOT NULL,
    follower TEXT NOT NULL,
    kind     TEXT NOT NULL,
    record   TEXT NOT NULL,
    at       BIGINT NOT NULL
);
CREATE UNIQUE INDEX follower_event_once ON follower_event (source, account, at, follower, kind)
