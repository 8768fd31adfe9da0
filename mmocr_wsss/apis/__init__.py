# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A trained segmenter on photos that belong to no data set."""

from .inferencer import Inferencer, Prediction

__all__ = ['Inferencer', 'Prediction']
