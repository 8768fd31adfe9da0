# Copyright (c) mmocr_wsss contributors. All rights reserved.
from .annotation_correlation_hook import AnnotationCorrelationHook
from .autocast_optim_wrapper import AutocastOptimWrapper

__all__ = ['AnnotationCorrelationHook', 'AutocastOptimWrapper']
