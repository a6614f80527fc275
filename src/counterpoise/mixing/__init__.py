"""Rules of the Mixup family, one a file: which rows are mixed, and how much of each one's input and label is taken."""
