"""Pretrained models of the Hugging Face kind, whatever they read: files, weights, vectors that are computed once."""
