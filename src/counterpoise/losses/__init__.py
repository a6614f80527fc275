"""Losses, one a file: modules ``(logits, targets) -> per-element loss``, usable in any PyTorch loop."""
