"""The tables of a file of queues."""

APPLICATION_ID = 0x50464C51
"""What marks a SQLite file as one of queues: PFLQ."""
VERSION = 1

TABLES = """
CREATE TABLE IF NOT EXISTS secrets (secret BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS annotators (
    annotator INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL,
    token_hash TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS queues (
    queue INTEGER PRIMARY KEY, queue_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    origin TEXT NOT NULL, params TEXT NOT NULL, created_at TEXT NOT NULL, is_open INTEGER NOT NULL,
    num_items INTEGER NOT NULL, num_gold INTEGER NOT NULL, num_labels INTEGER NOT NULL,
    num_wanted INTEGER NOT NULL, min_labels INTEGER, deadline TEXT, flow_run_id TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS open_names ON queues (name) WHERE is_open;
CREATE TABLE IF NOT EXISTS items (
    item INTEGER PRIMARY KEY, queue INTEGER NOT NULL REFERENCES queues, item_id TEXT NOT NULL,
    prompt_id TEXT NOT NULL, completions TEXT NOT NULL, position INTEGER NOT NULL,
    is_gold INTEGER NOT NULL, num_labels INTEGER NOT NULL, missing INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS item_ids ON items (queue, item_id);
CREATE UNIQUE INDEX IF NOT EXISTS item_positions ON items (queue, position);
CREATE INDEX IF NOT EXISTS gold_items ON items (queue, position) WHERE is_gold = 1;
CREATE INDEX IF NOT EXISTS begun_items ON items (queue, position)
    WHERE is_gold = 0 AND num_labels > 0 AND missing > 0;
CREATE INDEX IF NOT EXISTS fresh_items ON items (queue, position)
    WHERE is_gold = 0 AND num_labels = 0;
CREATE TABLE IF NOT EXISTS contents (item INTEGER PRIMARY KEY REFERENCES items, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS labels (
    label INTEGER PRIMARY KEY, queue INTEGER NOT NULL REFERENCES queues,
    item INTEGER NOT NULL REFERENCES items, annotator INTEGER NOT NULL REFERENCES annotators,
    choice TEXT NOT NULL, worst TEXT, strength TEXT, note TEXT NOT NULL, shown_order TEXT NOT NULL,
    seconds REAL NOT NULL, labelled_at TEXT NOT NULL, is_adjudication INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS own_labels ON labels (item, annotator) WHERE is_adjudication = 0;
CREATE UNIQUE INDEX IF NOT EXISTS adjudications ON labels (item) WHERE is_adjudication = 1;
CREATE INDEX IF NOT EXISTS labels_of_person ON labels (queue, annotator, labelled_at, label)
    WHERE is_adjudication = 0;
CREATE INDEX IF NOT EXISTS labels_by_time ON labels (queue, labelled_at, label);
CREATE TABLE IF NOT EXISTS former_labels (
    former INTEGER PRIMARY KEY, queue INTEGER NOT NULL, item INTEGER NOT NULL,
    annotator INTEGER NOT NULL, choice TEXT NOT NULL, worst TEXT, strength TEXT, note TEXT NOT NULL,
    shown_order TEXT NOT NULL, seconds REAL NOT NULL, labelled_at TEXT NOT NULL,
    is_adjudication INTEGER NOT NULL, ended_by TEXT NOT NULL, ended_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sights (
    item INTEGER NOT NULL REFERENCES items, annotator INTEGER NOT NULL REFERENCES annotators,
    queue INTEGER NOT NULL, first_seen REAL NOT NULL, held_until REAL,
    PRIMARY KEY (item, annotator)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS held_items ON sights (queue, annotator)
    WHERE held_until IS NOT NULL;
CREATE TABLE IF NOT EXISTS turns (
    queue INTEGER NOT NULL REFERENCES queues, annotator INTEGER NOT NULL REFERENCES annotators,
    num_settled INTEGER NOT NULL DEFAULT 0, gold_from INTEGER NOT NULL DEFAULT 0,
    begun_from INTEGER NOT NULL DEFAULT 0, fresh_from INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, annotator)) WITHOUT ROWID
"""
"""`items.num_labels` counts labels of an ordinary item that are neither skips nor adjudications,
`missing` is the overlap less those. `contents` are apart because SQLite rewrites whole rows, and an
answer may be long.

A `sights` row says when a person first saw an item. They hold it while `held_until` is not null: until
then nobody else gets their place; from then on they have it back if it is still free. A lapsed lease
whose place was counted as free has a `held_until` of 0, so that no late request takes it for live.

`turns` is how far a person is in a queue. `gold_from`, `begun_from` and `fresh_from` are positions: of
the gold items, of those with some labels and of those without any, all before it are settled by this
person, so that a search need not pass over them again."""
