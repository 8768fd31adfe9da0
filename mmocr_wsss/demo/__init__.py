# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The whole way on synthetic scenes or a folder of photos (``make demo``)."""
