-- What is known of domains, by their did (module domain). Types: 0 number, 2 text.
CREATE TABLE domain_attrs (
    id INTEGER PRIMARY KEY NOT NULL,
    did VARCHAR(64) NOT NULL,
    name VARCHAR(32) NOT NULL,
    type INTEGER NOT NULL,
    value VARCHAR(255) NOT NULL,
    last_modified DATETIME DEFAULT 2415021.0 NOT NULL
);
CREATE INDEX domain_attrs_idx ON domain_attrs (did, name);
INSERT INTO version (table_name, table_version) VALUES ('domain_attrs', 1);
