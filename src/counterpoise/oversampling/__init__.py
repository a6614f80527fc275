"""Samplers with ``fit_resample`` that take texts and return readable texts, one a file."""
