# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From archives and folders of others to the files that the configs read."""
