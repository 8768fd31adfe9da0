# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From tags to a report in one command: stages, their order, what is made anew."""
