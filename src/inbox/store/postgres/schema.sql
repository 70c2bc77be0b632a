CREATE TABLE meta (
    name text PRIMARY KEY,
    value bytea NOT NULL
);

-- seen: all arrivals with this body. events: stored events that refer to it. undelivered: those of them that are not
-- delivered everywhere.
CREATE TABLE body (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    bytes bytea NOT NULL,
    first_received bigint NOT NULL,
    seen bigint NOT NULL,
    events bigint NOT NULL,
    undelivered bigint NOT NULL
);

-- Compression would cost more time in a commit than it saves space, and encrypted bodies do not shrink.
ALTER TABLE body ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- copy: the number of earlier events with the same body. mark: the digest of its unique value, if that identifies it.
CREATE TABLE event (
    id uuid PRIMARY KEY,
    endpoint text NOT NULL,
    kind text NOT NULL,
    received bigint NOT NULL,
    body bigint NOT NULL REFERENCES body (id),
    copy bigint NOT NULL,
    head bytea NOT NULL,
    seal bytea NOT NULL,
    mark bytea
);

CREATE INDEX event_body ON event (body);
CREATE INDEX event_mark ON event (mark) WHERE mark IS NOT NULL;

-- state: 0 pending, 1 delivered, 2 dead, 3 quarantined. rank: 0 for the first event of a body, 1 for copies. due: also the
-- end of a lease. wait: the length of the wait or lease that ends at due. lease: the token that settles the delivery; it
-- grows with each claim. held: true from a claim until the settlement. response: the first line of the response to the last
-- failed attempt.
CREATE TABLE delivery (
    event uuid NOT NULL REFERENCES event (id),
    queue text NOT NULL,
    state smallint NOT NULL,
    rank smallint NOT NULL,
    due bigint NOT NULL,
    wait bigint NOT NULL DEFAULT 0,
    lease bigint NOT NULL DEFAULT 0,
    held boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    last bigint,
    status integer,
    reason text,
    seal bytea NOT NULL,
    response bytea,
    PRIMARY KEY (event, queue)
);

CREATE INDEX delivery_due ON delivery (queue, rank, due) WHERE state = 0;
CREATE INDEX delivery_delivered ON delivery (last) WHERE state = 1;
CREATE INDEX delivery_stuck ON delivery (queue, state) WHERE state IN (2, 3);

-- Unique values by digest. first, second: digests of the bodies that the value came with. reused: true after a third body,
-- when the value identifies nothing. last: when the value last came.
CREATE TABLE mark (
    digest bytea PRIMARY KEY,
    first bytea NOT NULL,
    second bytea,
    reused boolean NOT NULL DEFAULT false,
    last bigint NOT NULL
);

CREATE INDEX mark_last ON mark (last);

-- Each gate writes rows of its own, so that no gate waits for the commit of another. The totals are the sums over all rows.
CREATE TABLE usage (
    shard integer PRIMARY KEY,
    events bigint NOT NULL,
    bytes bigint NOT NULL
) WITH (fillfactor = 10);
