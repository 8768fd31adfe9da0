# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Pictures: of photos, masks, CAMs and results."""

from mmocr_wsss.visualization.cam_visualization_hook import CAMVisualizationHook

__all__ = ['CAMVisualizationHook']
