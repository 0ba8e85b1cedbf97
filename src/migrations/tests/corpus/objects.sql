-- Views, functions, triggers, types, sequences, rights, the server.

--- fine: a view
CREATE VIEW active_users AS SELECT * FROM users WHERE active;
--- fine: a view, again
CREATE OR REPLACE VIEW active_users AS SELECT * FROM users WHERE active;
--- fine: a materialized view
CREATE MATERIALIZED VIEW totals AS SELECT team_id, count(*) FROM users GROUP BY team_id;
--- fine: refreshed while it is read
REFRESH MATERIALIZED VIEW CONCURRENTLY totals;
--- fine: a function
CREATE FUNCTION add_one(i int) RETURNS int LANGUAGE sql AS $$ SELECT i + 1 $$;
--- fine: a function of several statements
CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
--- fine: a trigger, which every write pays for
CREATE TRIGGER audit AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION audit();
--- fine: a type
CREATE TYPE mood AS ENUM ('good', 'bad');
--- fine: a value more
ALTER TYPE mood ADD VALUE 'ugly' AFTER 'bad';
--- fine: a right more
GRANT SELECT ON users TO reporting;
--- fine: a trigger is on again
ALTER TABLE users ENABLE TRIGGER audit;
--- refused: a view goes
-- rules: ban-drop-view
DROP VIEW active_users;
--- refused: a materialized view goes
-- rules: ban-drop-view
DROP MATERIALIZED VIEW IF EXISTS totals;
--- refused: a function goes
-- rules: ban-drop-function
DROP FUNCTION add_one(int);
--- refused: a trigger goes
-- rules: ban-drop-trigger
-- squawk: silent; the rule is off unless asked for
DROP TRIGGER audit ON users;
--- refused: a type goes
-- rules: ban-drop-type
DROP TYPE mood;
--- refused: a domain goes
-- rules: ban-drop-domain
DROP DOMAIN email;
--- refused: a sequence goes
-- rules: ban-drop-sequence
DROP SEQUENCE invoice_numbers;
--- refused: a schema goes
-- rules: ban-drop-schema
DROP SCHEMA billing;
--- refused: an extension goes
-- rules: ban-drop-extension
DROP EXTENSION pg_trgm;
--- refused: a database goes
-- rules: ban-drop-database
-- declared: none
DROP DATABASE shop;
--- refused: another name for a view
-- rules: renaming-object
ALTER VIEW active_users RENAME TO users_active;
--- refused: another name for a function
-- rules: renaming-object
ALTER FUNCTION add_one(int) RENAME TO plus_one;
--- refused: another name for a type
-- rules: renaming-object
ALTER TYPE mood RENAME TO feeling;
--- refused: another name for a value
-- rules: renaming-object
ALTER TYPE mood RENAME VALUE 'bad' TO 'sad';
--- refused: another name for a sequence
-- rules: renaming-object
ALTER SEQUENCE invoice_numbers RENAME TO numbers;
--- refused: another name for a schema
-- rules: renaming-object
ALTER SCHEMA billing RENAME TO invoicing;
--- refused: nobody can read it until it is done
-- rules: refresh-blocks-reads
-- squawk: silent; it has no rule for it
REFRESH MATERIALIZED VIEW totals;
--- warned: numbers begin anew
-- rules: ban-alter-sequence-values
-- squawk: silent; the rule is off unless asked for
ALTER SEQUENCE invoice_numbers RESTART WITH 1;
--- warned: a rule rewrites queries
-- rules: changing-rules
-- squawk: silent; it has no rule for rules
CREATE RULE nothing AS ON DELETE TO users DO INSTEAD NOTHING;
--- person: a policy
-- rules: changing-rights
-- squawk: silent; the rule is off unless asked for
CREATE POLICY own ON users USING (owner = current_user);
--- person: a policy goes
-- rules: changing-rights
-- squawk: silent; the rule is off unless asked for
DROP POLICY own ON users;
--- person: a right less
-- rules: changing-rights
-- squawk: silent; the rule is off unless asked for
REVOKE SELECT ON users FROM reporting;
--- person: a role
-- rules: changing-rights
-- squawk: silent; rights are not its concern
CREATE ROLE reporting LOGIN;
--- person: rights of what comes later
-- rules: changing-rights
-- squawk: silent; rights are not its concern
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reporting;
--- person: the whole server
-- rules: changing-server
-- squawk: silent; the rule is off unless asked for
-- declared: none
ALTER SYSTEM SET work_mem = '1GB';
--- person: a database
-- rules: changing-server
-- squawk: silent; it flags dropping one alone
-- declared: none
CREATE DATABASE shop;
--- person: what others replicate
-- rules: changing-replication
-- squawk: silent; replication is not its concern
CREATE PUBLICATION everything FOR ALL TABLES;
--- person: as somebody else
-- rules: changing-rights
-- squawk: silent; rights are not its concern
SET ROLE postgres;
