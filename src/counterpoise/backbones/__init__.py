"""Backbones: encoders from batches to token and pooled representations, all with one contract."""
