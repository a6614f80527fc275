"""Methods: what imbalanced learning changes about plain training, one a file; the registry lists them."""
