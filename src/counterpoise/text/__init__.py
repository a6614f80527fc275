"""Texts to what a network reads: words and ids, batches, word vectors, groups of near-duplicates.

Nothing here knows of labels. Import the modules by name; each needs only what it is about.
"""
