CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- seen: all arrivals with this body. events: stored events that refer to it. undelivered: those of them that are not
-- delivered everywhere.
CREATE TABLE body (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    first_received INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    events INTEGER NOT NULL,
    undelivered INTEGER NOT NULL
) STRICT;

CREATE TABLE content (
    body INTEGER PRIMARY KEY REFERENCES body (id),
    bytes BLOB NOT NULL
) STRICT;

-- copy: the number of earlier events with the same body. mark: the digest of its unique value, if that identifies it.
CREATE TABLE event (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    endpoint TEXT NOT NULL,
    kind TEXT NOT NULL,
    received INTEGER NOT NULL,
    body INTEGER NOT NULL REFERENCES body (id),
    copy INTEGER NOT NULL,
    head BLOB NOT NULL,
    seal BLOB NOT NULL CHECK (length(seal) = 32),
    mark BLOB
) STRICT;

CREATE INDEX event_body ON event (body);
CREATE INDEX event_mark ON event (mark) WHERE mark IS NOT NULL;

-- state: 0 pending, 1 delivered, 2 dead, 3 quarantined. rank: 0 for the first event of a body, 1 for copies. due: also the
-- end of a lease. wait: the length of the wait or lease that ends at due. lease: the token that settles the delivery; it
-- grows with each claim. held: 1 from a claim until the settlement. response: the first line of the response to the last
-- failed attempt.
CREATE TABLE delivery (
    event BLOB NOT NULL REFERENCES event (id),
    queue TEXT NOT NULL,
    state INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    due INTEGER NOT NULL,
    wait INTEGER NOT NULL DEFAULT 0,
    lease INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    last INTEGER,
    status INTEGER,
    reason TEXT,
    seal BLOB NOT NULL,
    response BLOB,
    PRIMARY KEY (event, queue)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_due ON delivery (queue, rank, due) WHERE state = 0;
CREATE INDEX delivery_delivered ON delivery (last) WHERE state = 1;
CREATE INDEX delivery_stuck ON delivery (queue, state) WHERE state IN (2, 3);

-- Unique values by digest. first, second: digests of the bodies that the value came with. reused: 1 after a third body, when
-- the value identifies nothing. last: when the value last came.
CREATE TABLE mark (
    digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    first BLOB NOT NULL,
    second BLOB,
    reused INTEGER NOT NULL DEFAULT 0,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX mark_last ON mark (last);

CREATE TABLE usage (
    shard INTEGER PRIMARY KEY,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

INSERT INTO usage VALUES (0, 0, 0);
