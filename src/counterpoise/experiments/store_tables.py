"""The tables of a store, as the first store had them, and the columns that came later."""

from __future__ import annotations

TABLES = """
CREATE TABLE runs (
    key TEXT PRIMARY KEY,
    fields TEXT NOT NULL,
    surroundings TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'failed')),
    metrics TEXT NOT NULL,
    notes TEXT NOT NULL,
    fit_seconds REAL,
    predict_seconds REAL,
    peak_memory INTEGER,
    machine TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    error TEXT
);
CREATE TABLE predictions (
    key TEXT PRIMARY KEY REFERENCES runs (key),
    classes TEXT NOT NULL,
    rows BLOB NOT NULL,
    labels BLOB NOT NULL,
    decided BLOB NOT NULL,
    probabilities BLOB NOT NULL,
    rare BLOB NOT NULL,
    hostile BLOB
);
CREATE TABLE curves (
    key TEXT PRIMARY KEY REFERENCES runs (key),
    curves TEXT NOT NULL
);
CREATE TABLE claims (
    key TEXT PRIMARY KEY,
    process INTEGER NOT NULL,
    started REAL NOT NULL
);
"""

ADDED = {"fitting_rows": "INTEGER"}
"""Of the table of runs, with their types. A store without one gets it when it is opened for writing; rows without a
value there, and all of a store that is only read, have None."""
