-- Mentions that wait to be scored by the best model, as ranges of their numbers: in a burst the fast one scores first, and
-- after an upgrade all of them wait. Ranges do not touch each other; some mentions within may be scored or gone already.
CREATE TABLE rescore (
    first INTEGER PRIMARY KEY,
    last  BIGINT NOT NULL
)
