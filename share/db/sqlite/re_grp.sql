-- Groups whose members are those whose URIs match (module group).
CREATE TABLE re_grp (
    id INTEGER PRIMARY KEY NOT NULL,
    reg_exp VARCHAR(128) DEFAULT '' NOT NULL,
    group_id INTEGER DEFAULT 0 NOT NULL
);
CREATE INDEX re_grp_group_idx ON re_grp (group_id);
INSERT INTO version (table_name, table_version) VALUES ('re_grp', 1);
