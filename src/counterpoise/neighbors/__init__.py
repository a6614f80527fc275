"""Nearest neighbours, exact or approximate, behind scikit-learn's interface: :class:`NearestNeighbors`.

``nearest`` holds the class, ``search`` looks again where a library has rounded, ``distances`` are exact,
``clusters`` search approximately, and ``probe`` finds out which library is faster here.
"""

from counterpoise.neighbors.nearest import NearestNeighbors

__all__ = ["NearestNeighbors"]
