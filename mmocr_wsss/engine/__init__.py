# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Hooks, loops, samplers and schedules of the scope ``mmocr_wsss``, and how tools start."""

from .annotation_correlation_hook import AnnotationCorrelationHook
from .atomic_checkpoint_hook import AtomicCheckpointHook
from .autocast_optim_wrapper import AutocastOptimWrapper
from .cam_loop import CAMLoop
from .channels_last_hook import ChannelsLastHook
from .epochwise_cosine_lr import EpochwiseCosineLR
from .finite_loss_hook import FiniteLossHook
from .iteration_seed_hook import IterationSeedHook
from .random_walk_loop import RandomWalkLoop
from .seeded_sampler import SeededInfiniteSampler

__all__ = [
    'AnnotationCorrelationHook',
    'AtomicCheckpointHook',
    'AutocastOptimWrapper',
    'CAMLoop',
    'ChannelsLastHook',
    'EpochwiseCosineLR',
    'FiniteLossHook',
    'IterationSeedHook',
    'RandomWalkLoop',
    'SeededInfiniteSampler',
]
