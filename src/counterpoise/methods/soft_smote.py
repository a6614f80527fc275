"""Soft SMOTE inside the training: between a row and a neighbour of any class, labels in between too (Cheng 2023)."""

from counterpoise.docstrings import with_parameters_of
from counterpoise.methods.neighbor_mixing import NeighborMixing
from counterpoise.mixing.smote import soft_smote


@with_parameters_of(NeighborMixing)
class SoftSmote(NeighborMixing):
    """Fill classes up with points between a row and a near one of any class, with labels mixed as the rows are.

    Cheng, Mai and Lin, "From SMOTE to Mixup for Deep Imbalanced Classification", TAAI 2023 (arXiv 2308.15457). Of the
    paper title, abstract and introduction could be had, which say that SMOTE needs soft labels in deep networks; that
    neighbours may be of any class, that there are ``k`` = 5 of them, and that rows of the smaller classes are the ones
    repeated, is our reading.

    The parameters are those of :class:`counterpoise.methods.neighbor_mixing.NeighborMixing`.
    """

    summary = "classes filled up with points towards any neighbour, labels mixed too"
    paper = "Cheng et al. 2023"
    soft = True
    rule = staticmethod(soft_smote)
