-- Accounts and their follows by number. The names of a million followers come in no order, so that each would write a page
-- of its own in every index on them: there is one such index, and all else grows at its end.

-- `profile` and `fetched_at`: nothing until it was asked for.
ALTER TABLE author RENAME TO author_3;
CREATE TABLE author (
    number     INTEGER PRIMARY KEY,
    source     TEXT NOT NULL,
    id         TEXT NOT NULL,
    fetched_at BIGINT,
    profile    TEXT
);
INSERT INTO author (source, id, fetched_at, profile) SELECT source, id, fetched_at, profile FROM author_3 ORDER BY rowid;
DROP TABLE author_3;
CREATE UNIQUE INDEX author_id ON author (source, id);
INSERT INTO author (source, id) SELECT source, id FROM wanted_profile WHERE TRUE ORDER BY seq ON CONFLICT DO NOTHING;
DROP TABLE wanted_profile;
INSERT INTO author (source, id) SELECT source, follower FROM follow WHERE TRUE ON CONFLICT DO NOTHING;
INSERT INTO author (source, id) SELECT source, follower FROM follower_event WHERE follower NOT LIKE 'gone/%'
    ON CONFLICT DO NOTHING;
CREATE INDEX author_unasked ON author (source, number) WHERE fetched_at IS NULL;

CREATE TABLE own_account (
    number INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    id     TEXT NOT NULL
);
CREATE UNIQUE INDEX own_account_id ON own_account (source, id);
INSERT INTO own_account (source, id) SELECT source, account FROM follow UNION SELECT source, account FROM follower_event
    UNION SELECT source, account FROM snapshot;

-- How things stand between an own account and a follower, to tell news from repetition. `at`: when it last changed as far
-- as we know (0: before we listened). `snapshot`: the last one that named the follower.
ALTER TABLE follow RENAME TO follow_3;
CREATE TABLE follow (
    account  INTEGER NOT NULL REFERENCES own_account,
    follower INTEGER NOT NULL REFERENCES author ON DELETE CASCADE,
    kind     TEXT NOT NULL,
    record   TEXT NOT NULL,
    at       BIGINT NOT NULL DEFAULT 0,
    snapshot BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account, follower)
) WITHOUT ROWID;
INSERT INTO follow (account, follower, kind, record, at, snapshot)
    SELECT own.number, author.number, kind, record, at, snapshot FROM follow_3 old
    JOIN own_account own ON own.source = old.source AND own.id = old.account
    JOIN author ON author.source = old.source AND author.id = old.follower ORDER BY 1, 2;
DROP TABLE follow_3;
CREATE INDEX follow_follower ON follow (follower);
CREATE INDEX follow_record ON follow (record) WHERE kind = 'follow' AND record <> '';

-- `follower`: nothing where the account is gone; that somebody followed still counts. `since`: where only two snapshots
-- tell of it, it happened between `since` and `at`.
ALTER TABLE follower_event RENAME TO follower_event_3;
CREATE TABLE follower_event (
    seq      INTEGER PRIMARY KEY,
    account  INTEGER NOT NULL REFERENCES own_account,
    follower INTEGER REFERENCES author ON DELETE SET NULL,
    kind     TEXT NOT NULL,
    record   TEXT NOT NULL,
    at       BIGINT NOT NULL,
    since    BIGINT
);
INSERT INTO follower_event (seq, account, follower, kind, record, at, since)
    SELECT seq, own.number, author.number, kind, record, at, since FROM follower_event_3 old
    JOIN own_account own ON own.source = old.source AND own.id = old.account
    LEFT JOIN author ON author.source = old.source AND author.id = old.follower ORDER BY seq;
DROP TABLE follower_event_3;
CREATE UNIQUE INDEX follower_event_once ON follower_event (account, at, follower, kind);
CREATE INDEX follower_event_follower ON follower_event (follower);
CREATE INDEX follower_event_at ON follower_event (at);

-- Whole lists of an account's followers, numbered from 1. `next`: where the page after the last stored one begins.
-- `state`: open, whole, short (fewer than the account's own profile counts), hidden.
ALTER TABLE snapshot RENAME TO snapshot_3;
CREATE TABLE snapshot (
    account  INTEGER NOT NULL REFERENCES own_account,
    number   BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT,
    next     TEXT,
    named    BIGINT NOT NULL DEFAULT 0,
    total    BIGINT,
    state    TEXT NOT NULL,
    PRIMARY KEY (account, number)
) WITHOUT ROWID;
INSERT INTO snapshot (account, number, began_at, ended_at, next, named, total, state)
    SELECT own.number, old.number, began_at, ended_at, next, named, total, state FROM snapshot_3 old
    JOIN own_account own ON own.source = old.source AND own.id = old.account;
DROP TABLE snapshot_3
