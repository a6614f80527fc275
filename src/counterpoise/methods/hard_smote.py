"""SMOTE inside the training, with the rarer class's label whole (Chawla et al. 2002)."""

from counterpoise.docstrings import with_parameters_of
from counterpoise.methods.neighbor_mixing import NeighborMixing
from counterpoise.mixing.smote import hard_smote


@with_parameters_of(NeighborMixing)
class HardSmote(NeighborMixing):
    """Fill classes up with points between two rows of the same class, labelled as these are.

    Chawla, Bowyer, Hall and Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling Technique", JAIR 16, 2002. The method
    ``smote`` makes its points once, before a linear model or a head is trained; here they are made at every step, and
    the whole network learns from them.

    The parameters are those of :class:`counterpoise.methods.neighbor_mixing.NeighborMixing`.
    """

    summary = "classes filled up with points between rows of one class, in training"
    paper = "Chawla et al. 2002"
    soft = False
    rule = staticmethod(hard_smote)
