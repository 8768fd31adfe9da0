# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Steps between files: no network is trained here."""
