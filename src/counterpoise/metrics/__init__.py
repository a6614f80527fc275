"""The field's metrics, thresholds and calibration: arrays in, numbers out.

``scores.score`` for a row of numbers, ``thresholds.tune_threshold`` and ``thresholds.decide`` for cut-offs,
``calibration.shift_prior`` for probabilities after resampling, ``diagnosis.one_class_predicted`` for words.
"""
