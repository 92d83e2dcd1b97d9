-- The domains that this server is responsible for (module domain).
CREATE TABLE domain (
    id INTEGER PRIMARY KEY NOT NULL,
    domain VARCHAR(64) NOT NULL,
    did VARCHAR(64) DEFAULT NULL,
    last_modified DATETIME DEFAULT 2415021.0 NOT NULL,
    CONSTRAINT domain_domain_idx UNIQUE (domain)
);
INSERT INTO version (table_name, table_version) VALUES ('domain', 2);
