-- Indexes. Sources: CREATE INDEX, REINDEX and DROP INDEX in PostgreSQL's manual, squawk, strong_migrations.

--- fine: without blocking writes
-- declared: none
CREATE INDEX CONCURRENTLY users_email ON users (email);
--- fine: unique without blocking writes
-- declared: none
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_email ON users (lower(email)) WHERE deleted_at IS NULL;
--- fine: an index on a table that is made here
CREATE TABLE tags (id bigint PRIMARY KEY, name text);
CREATE INDEX tags_name ON tags (name);
--- fine: wide is advised against, and hurts nobody
-- declared: none
CREATE INDEX CONCURRENTLY wide ON users (a, b, c, d);
--- fine: rebuilt without blocking writes
-- declared: none
REINDEX INDEX CONCURRENTLY users_email;
--- fine: rebuilt, with the option in parentheses
-- declared: none
REINDEX (CONCURRENTLY) TABLE users;
--- fine: another name for an index
-- squawk: flags; an index is hardly ever named in a query
ALTER INDEX users_email RENAME TO users_email_old;
--- fine: storage
ALTER INDEX users_email SET (fillfactor = 80);
--- refused: writes are blocked
-- rules: require-concurrent-index-creation
CREATE INDEX users_email ON users (email);
--- refused: unique likewise
-- rules: require-concurrent-index-creation
CREATE UNIQUE INDEX users_email ON ONLY public.users USING btree (email);
--- refused: CONCURRENTLY in a transaction
-- rules: must-run-alone
-- squawk: silent; it allows a single statement, which it takes for a file of its own
CREATE INDEX CONCURRENTLY users_email ON users (email);
--- warned: CONCURRENTLY with something else in the file
-- rules: one-statement-per-file
-- squawk: silent; it does not know that the tool sends the file at once
-- declared: none
CREATE INDEX CONCURRENTLY users_email ON users (email);
CREATE INDEX CONCURRENTLY users_name ON users (name);
--- warned: no name, so that nobody can find it after a crash
-- rules: unnamed-index
-- squawk: silent; it looks for a name only together with IF NOT EXISTS
-- declared: none
CREATE INDEX CONCURRENTLY ON users (email);
--- refused: reads and writes are blocked
-- rules: require-concurrent-index-deletion, ban-drop-index
DROP INDEX users_email;
--- refused: two at once
-- rules: require-concurrent-index-deletion, ban-drop-index
DROP INDEX IF EXISTS a, app.b;
--- warned: queries may need it
-- rules: ban-drop-index
-- squawk: silent; the rule is off unless asked for
-- declared: none
DROP INDEX CONCURRENTLY users_email;
--- refused: rebuilt while writes are blocked
-- rules: require-concurrent-reindex
REINDEX INDEX users_email;
--- refused: a whole table's
-- rules: require-concurrent-reindex
REINDEX TABLE users;
--- refused: a whole schema's
-- rules: require-concurrent-reindex
-- declared: none
REINDEX SCHEMA public;
--- refused: moved, which copies it
-- rules: rewriting-table
-- squawk: silent; it has no rule for tablespaces
ALTER INDEX users_email SET TABLESPACE fast;
