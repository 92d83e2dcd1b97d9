-- Who is in which group (module group).
CREATE TABLE grp (
    id INTEGER PRIMARY KEY NOT NULL,
    username VARCHAR(64) DEFAULT '' NOT NULL,
    domain VARCHAR(64) DEFAULT '' NOT NULL,
    grp VARCHAR(64) DEFAULT '' NOT NULL,
    last_modified DATETIME DEFAULT 2415021.0 NOT NULL,
    CONSTRAINT grp_account_group_idx UNIQUE (username, domain, grp)
);
INSERT INTO version (table_name, table_version) VALUES ('grp', 2);
