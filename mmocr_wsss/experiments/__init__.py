# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Paired runs over seeds, and the page that they end in."""
