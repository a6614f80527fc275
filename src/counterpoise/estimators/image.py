"""A classifier of images."""

from __future__ import annotations

from inspect import Parameter, Signature, signature
from typing import Any

import numpy as np
from sklearn.utils import Tags

from counterpoise.docstrings import with_parameters_of
from counterpoise.errors import SettingsError
from counterpoise.estimators.base import RareClassClassifier
from counterpoise.estimators.saving import SavableMixin
from counterpoise.estimators.text import TextClassifier
from counterpoise.groups import image_groups
from counterpoise.images.python_inputs import as_images


def _with_image_size() -> Signature:
    """Parameters of all classifiers, and the one that this one adds."""
    shared = signature(RareClassClassifier.__init__)
    *parameters, settings = shared.parameters.values()
    own = Parameter("image_size", Parameter.KEYWORD_ONLY, default=None, annotation="int | None")
    return shared.replace(parameters=[*parameters, own, settings])


@with_parameters_of(TextClassifier)
class ImageClassifier(SavableMixin, RareClassClassifier):
    """Find a rare class among images.

    Images are files, bytes, images of Pillow or arrays: whatever
    :func:`counterpoise.images.python_inputs.as_images` takes. Parameters that do not stand here are those of
    :class:`counterpoise.TextClassifier`.

    Parameters
    ----------
    method : str or None, default=None
        What is done about the imbalance; ``counterpoise methods`` lists the names, with what they take. None takes
        ``"class_weight"``.
    backbone : {"resnet", "convnet", "vision"} or None, default=None
        The network, for methods that train one; None takes ``"resnet"``; ``"vision"`` is any pretrained vision model.
    image_size : int or None, default=None
        Height and width that all images are brought to: the shorter side is resized to it and the middle cut out.
        None takes images as they are; they have to be of one size, and later ones of the same.

    Attributes
    ----------
    image_height_, image_width_ : int
        Of the images fitted to, in pixels.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> images = rng.integers(0, 100, (120, 12, 12, 3), dtype=np.uint8)
    >>> images[:20, 3:9, 3:9] += 150  # a bright square in the middle
    >>> labels = np.repeat(["square", "none"], [20, 100])
    >>> classifier = ImageClassifier(backbone="convnet", backbone__kernel=3, learning_rate=0.005, random_state=0)
    >>> classifier.fit(images, labels).predict(images[[0, -1]])
    array(['square', 'none'], dtype=object)
    """

    kind = "image"
    default_method = "class_weight"
    image_height_: int
    image_width_: int

    def __init__(
        self,
        method: str | None = None,
        backbone: str | None = None,
        *,
        image_size: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(method, backbone, **settings)
        self.image_size = image_size

    # scikit-learn reads the names of parameters from here, and people their help.
    __init__.__signature__ = _with_image_size()  # type: ignore[attr-defined]

    def _checked_settings(self) -> Any:
        size = self.image_size
        if size is not None and (
            not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1
        ):
            raise SettingsError(f"image_size is {size!r}; give an int of 1 or more, or None")
        return super()._checked_settings()

    def _checked_inputs(self, X: Any, fitting: bool) -> np.ndarray:
        expected = None if fitting else (self.image_height_, self.image_width_)
        images: Any = as_images(X, self.image_size, expected=expected)
        if fitting:
            self.image_height_, self.image_width_ = map(int, images.shape[1:3])
        return images

    def _groups(self, inputs: np.ndarray, groups: Any) -> np.ndarray:
        # The same image on both sides of a split would be remembered, not recognised.
        return image_groups(inputs, groups)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.non_deterministic = False
        return tags
