# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Checkpoints of the official implementations, as ours; imports no host."""
