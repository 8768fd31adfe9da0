# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Pure functions on tensors and arrays: no files, no configs, no host."""
