-- Columns. Sources: ALTER TABLE in PostgreSQL's manual (Notes), the lists of strong_migrations and of squawk.

--- fine: a nullable column
ALTER TABLE users ADD COLUMN nickname text;
--- fine: a constant default, which is kept in the catalogue since PostgreSQL 11
ALTER TABLE users ADD COLUMN active boolean DEFAULT true;
--- fine: required, but with a constant for the rows that are there
ALTER TABLE users ADD COLUMN active boolean NOT NULL DEFAULT true;
--- fine: now() is the same for the whole statement
ALTER TABLE users ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();
--- fine: CURRENT_TIMESTAMP is now()
ALTER TABLE users ADD COLUMN seen_at timestamptz DEFAULT CURRENT_TIMESTAMP;
--- fine: a cast constant
ALTER TABLE users ADD COLUMN tags text[] NOT NULL DEFAULT '{}'::text[];
--- fine: IF NOT EXISTS, in any letters
alter table only users add column if not exists nick varchar(30) default 'n/a';
--- fine: a default for later rows alone
ALTER TABLE users ALTER COLUMN nickname SET DEFAULT 'anonymous';
--- fine: two columns at once
ALTER TABLE users ADD COLUMN a text, ADD COLUMN b text;
--- fine: a new column that refers elsewhere is null in every row, so nothing is checked
-- squawk: flags; it does not know that PostgreSQL leaves the check out where the new column has no default
ALTER TABLE users ADD COLUMN team_id bigint REFERENCES teams (id);
--- fine: how a column is kept
ALTER TABLE users ALTER COLUMN bio SET STORAGE EXTERNAL;
--- fine: statistics
ALTER TABLE users ALTER COLUMN email SET STATISTICS 500;
--- fine: columns of a column's options
ALTER TABLE users ALTER COLUMN email SET (n_distinct = -1);
--- refused: a volatile default is computed for each row
-- rules: adding-field-with-default
ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();
--- refused: random() likewise
-- rules: adding-field-with-default
ALTER TABLE users ADD COLUMN bucket double precision DEFAULT random();
--- refused: clock_timestamp() is volatile, unlike now()
-- rules: adding-field-with-default
ALTER TABLE users ADD COLUMN seen_at timestamptz DEFAULT clock_timestamp();
--- refused: a function of one's own may be volatile
-- rules: adding-field-with-default
ALTER TABLE users ADD COLUMN slug text DEFAULT app.make_slug();
--- refused: nextval() is another number for each row
-- rules: adding-field-with-default
ALTER TABLE users ADD COLUMN number bigint DEFAULT nextval('numbers');
--- refused: serial is nextval()
-- rules: adding-field-with-default
-- squawk: silent; it flags serial only where it is the primary key
ALTER TABLE users ADD COLUMN number bigserial;
--- refused: an identity numbers the rows that are there
-- rules: adding-field-with-default
ALTER TABLE users ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
--- refused: a stored generated column is computed for each row
-- rules: adding-field-with-default
ALTER TABLE users ADD COLUMN full_name text GENERATED ALWAYS AS (first_name || ' ' || last_name) STORED;
--- refused: required without a value for the rows that are there
-- rules: adding-required-field
ALTER TABLE users ADD COLUMN email text NOT NULL;
--- refused: a unique column builds its index under the strongest lock
-- rules: disallowed-unique-constraint
ALTER TABLE users ADD COLUMN email text UNIQUE;
--- refused: a new primary key column
-- rules: adding-serial-primary-key-field
ALTER TABLE users ADD COLUMN id bigint PRIMARY KEY;
--- refused: a check behind a column reads every row
-- rules: adding-field-with-check
-- squawk: silent; it looks at constraints of their own
ALTER TABLE users ADD COLUMN age int CHECK (age > 0);
--- refused: a reference with a default is checked for every row
-- rules: adding-foreign-key-constraint
ALTER TABLE users ADD COLUMN team_id bigint DEFAULT 1 REFERENCES teams (id);
--- refused: another type
-- rules: changing-column-type
ALTER TABLE users ALTER COLUMN id TYPE bigint;
--- refused: another type, written in full
-- rules: changing-column-type
ALTER TABLE users ALTER COLUMN id SET DATA TYPE bigint USING id::bigint;
--- refused: NOT NULL reads every row
-- rules: adding-not-nullable-field
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
--- refused: a column goes
-- rules: ban-drop-column
ALTER TABLE users DROP COLUMN legacy;
--- refused: a column goes, without the word
-- rules: ban-drop-column
ALTER TABLE users DROP IF EXISTS legacy;
--- refused: a column goes, and what depends on it
-- rules: ban-drop-column, cascade
ALTER TABLE users DROP COLUMN legacy CASCADE;
--- refused: another name
-- rules: renaming-column
ALTER TABLE users RENAME COLUMN name TO full_name;
--- refused: another name, without the word
-- rules: renaming-column
ALTER TABLE users RENAME name TO full_name;
--- refused: another expression
-- rules: ban-alter-generated-expression
-- squawk: silent; the rule is off unless asked for
ALTER TABLE users ALTER COLUMN full_name SET EXPRESSION AS (upper(name));
--- refused: one file adds and takes away
-- rules: additive-and-destructive, ban-drop-column
ALTER TABLE users ADD COLUMN full_name text, DROP COLUMN name;
--- warned: null may come
-- rules: ban-drop-not-null
ALTER TABLE users ALTER COLUMN email DROP NOT NULL;
--- warned: no default any more
-- rules: ban-drop-default
ALTER TABLE users ALTER COLUMN active DROP DEFAULT;
--- warned: the numbers begin anew
-- rules: ban-alter-identity
-- squawk: silent; the rule for numbers that begin anew is off unless asked for
ALTER TABLE users ALTER COLUMN id RESTART WITH 1000;
--- warned: no identity any more
-- rules: ban-alter-identity
ALTER TABLE users ALTER COLUMN id DROP IDENTITY;
--- warned: no expression any more
-- rules: ban-alter-identity
ALTER TABLE users ALTER COLUMN full_name DROP EXPRESSION;
--- fine: json is advised against, and hurts nobody
ALTER TABLE users ADD COLUMN settings json;
