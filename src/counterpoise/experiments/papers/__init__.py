"""Papers whose experiments can be run again: one module each, with its protocol and its published numbers."""
