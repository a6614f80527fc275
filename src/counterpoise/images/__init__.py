"""Images: whatever they come as, decoded, stacked, augmented and served to networks."""
