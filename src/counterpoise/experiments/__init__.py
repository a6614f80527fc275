"""Experiments: the same data, folds and seeds for every method, one row for each."""
