-- What came in from outside, and is worked on after it was acknowledged. Times are nanoseconds since 1970.
CREATE TABLE deliveries (
    id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    source     TEXT COLLATE "C" NOT NULL,
    received   BIGINT NOT NULL,
    state      TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'processed', 'failed')),
    attempts   BIGINT NOT NULL, -- since it came, or was begun anew
    generation BIGINT NOT NULL, -- rises whenever it is taken or begun anew: who settles it says by this that it is still theirs
    free       BIGINT NOT NULL, -- somebody's until then, or to be tried again then
    ended      BIGINT,
    reason     TEXT, -- why it did not work
    body       TEXT NOT NULL
);
CREATE INDEX deliveries_waiting ON deliveries (received, id) WHERE state = 'waiting';
CREATE INDEX deliveries_ended ON deliveries (ended) WHERE ended IS NOT NULL;
CREATE INDEX deliveries_by_state ON deliveries (state, received, id);
CREATE INDEX deliveries_by_source ON deliveries (source, received, id);
