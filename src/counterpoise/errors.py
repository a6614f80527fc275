"""The exceptions and warnings a user of Counterpoise sees.

Each message is one sentence that says what was found, where it was found and what to do about it. The
command line turns every :class:`CounterpoiseError` into that sentence and exit code 2; from Python they are
ordinary exceptions that also are the built-in kind one would expect (``ValueError``, ``OSError``).
"""

from __future__ import annotations


class CounterpoiseError(Exception):
    """Anything that the caller can mend: the base of every error this package raises on purpose."""


class DataError(CounterpoiseError, ValueError):
    """The data cannot be used as they are: a missing column, an empty text, a class of one row."""


class SettingsError(CounterpoiseError, ValueError):
    """A setting is unknown, out of range, or does not go with another one."""


class ModelError(CounterpoiseError, ValueError):
    """A model folder is missing a file, is not ours, or has been changed since it was saved."""


class OutputError(CounterpoiseError, OSError):
    """A result could not be written; whatever had been written of it was removed again."""


class EndpointError(CounterpoiseError, ConnectionError):
    """The address of a language model does not answer, or not as it should."""


class MissingExtraError(CounterpoiseError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


class CounterpoiseWarning(UserWarning):
    """Something was done differently from what was asked, and the message says what and why."""
