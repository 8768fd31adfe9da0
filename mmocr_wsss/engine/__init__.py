# Copyright (c) mmocr_wsss contributors. All rights reserved.
from .annotation_correlation_hook import AnnotationCorrelationHook

__all__ = ['AnnotationCorrelationHook']
