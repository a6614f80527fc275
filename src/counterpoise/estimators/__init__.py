"""The classifiers: scikit-learn's contract over every method and backbone."""
