# Copyright (c) mmocr_wsss contributors. All rights reserved.
