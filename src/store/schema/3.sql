-- When it last changed as far as we know (0: before we listened), and the last snapshot that named the follower.
ALTER TABLE follow ADD COLUMN at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE follow ADD COLUMN snapshot BIGINT NOT NULL DEFAULT 0;
UPDATE follow SET at = COALESCE((SELECT MAX(event.at) FROM follower_event event WHERE event.source = follow.source
    AND event.account = follow.account AND event.follower = follow.follower), 0);

-- Where only two snapshots tell of it, it happened between `since` and `at`.
ALTER TABLE follower_event ADD COLUMN since BIGINT;

-- Whole lists of an account's followers, numbered from 1. `next`: where the page after the last stored one begins.
-- `state`: open, whole, short (fewer than the account's own profile counts), refused.
CREATE TABLE snapshot (
    source   TEXT NOT NULL,
    account  TEXT NOT NULL,
    number   BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT,
    next     TEXT,
    named    BIGINT NOT NULL DEFAULT 0,
    total    BIGINT,
    state    TEXT NOT NULL,
    PRIMARY KEY (source, account, number)
);

-- Followers whose profile we want to know; the newest are asked for first.
CREATE TABLE wanted_profile (
    seq    INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    id     TEXT NOT NULL
);
CREATE UNIQUE INDEX wanted_profile_once ON wanted_profile (source, id);

-- Whose profile, events and word go when the account does.
CREATE INDEX follow_follower ON follow (source, follower);
CREATE INDEX follower_event_follower ON follower_event (source, follower);
CREATE INDEX follower_event_at ON follower_event (at);

-- What people said of authors and followers: 1 spam, 0 not, NULL taken back.
CREATE TABLE author_correction (
    source TEXT NOT NULL,
    id     TEXT NOT NULL,
    spam   INTEGER,
    who    TEXT NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (source, id)
)
