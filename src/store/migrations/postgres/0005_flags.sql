-- Flag sets, each whole in one row, changed by the revision that was read. Who changes one notifies the channel `otus_flags`.
CREATE TABLE flag_sets (
    name     TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    revision BIGINT NOT NULL,
    body     TEXT NOT NULL
);

-- The record of their changes. Rows are only ever added.
CREATE TABLE flag_changes (
    name     TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL, -- the set's from then on
    flag     TEXT COLLATE "C", -- nothing when the whole set was replaced
    body     TEXT NOT NULL,
    PRIMARY KEY (name, revision)
);
CREATE INDEX flag_changes_of ON flag_changes (name, flag, revision);
