"""MISO: mutual-information constrained semantically oversampling (Tian et al., EMNLP 2021), part by part.

For each minority text that sits among majority texts (a difficult sample) new minority texts are written (anchor
instances) that keep its surface form and whose meaning lies away from the majority. Each file holds one part of
the paper under its own name and is usable alone.
"""
