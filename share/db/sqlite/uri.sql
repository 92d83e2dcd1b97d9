-- Which names in URIs an account may use (module uri_db).
CREATE TABLE uri (
    id INTEGER PRIMARY KEY NOT NULL,
    username VARCHAR(64) DEFAULT '' NOT NULL,
    domain VARCHAR(64) DEFAULT '' NOT NULL,
    uri_user VARCHAR(64) DEFAULT '' NOT NULL,
    last_modified DATETIME DEFAULT 2415021.0 NOT NULL,
    CONSTRAINT uri_account_idx UNIQUE (username, domain, uri_user)
);
INSERT INTO version (table_name, table_version) VALUES ('uri', 1);
