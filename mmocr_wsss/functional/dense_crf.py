# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Dense CRF: refine class probabilities with the colours of the image."""

import numpy as np

#: Settings of the published pipelines, by the names that configs use.
#: ``gaussian_*`` is the position kernel, ``bilateral_*`` the position and colour kernel.
DENSE_CRF_SETTINGS = {
    # PSA infer_cls, SEAM infer_SEAM, MCTformer's map export
    'cam': dict(
        iterations=10, gaussian_sxy=3, gaussian_compat=3,
        bilateral_sxy=80, bilateral_srgb=13, bilateral_compat=10,
    ),
    # SEAM infer_aff (off by default there)
    'seam_random_walk': dict(
        iterations=1, gaussian_sxy=3, gaussian_compat=3,
        bilateral_sxy=80, bilateral_srgb=13, bilateral_compat=10,
    ),
    # MCTformer seg/infer_seg.py
    'mctformer_segmentation': dict(
        iterations=10, gaussian_sxy=4, gaussian_compat=3,
        bilateral_sxy=83, bilateral_srgb=5, bilateral_compat=3,
    ),
    # IRN make_cam/cam_to_ir_label, on label maps
    'irn_labels': dict(
        iterations=10, gaussian_sxy=3, gaussian_compat=3,
        bilateral_sxy=50, bilateral_srgb=5, bilateral_compat=10,
    ),
    # semantic-segmentation-codebase, experiment/seamv1-pseudovoc
    'seam_segmentation': dict(
        iterations=1, gaussian_sxy=3, gaussian_compat=3,
        bilateral_sxy=32, bilateral_srgb=13, bilateral_compat=10,
    ),
}  # fmt: skip

#: Probabilities are clipped to this before the logarithm, as in pydensecrf's own helper.
_MIN_PROBABILITY = 1e-5


def dense_crf_settings(settings: str | dict) -> dict:
    """Arguments of :func:`dense_crf` from a name of :data:`DENSE_CRF_SETTINGS` or a dict.

    Raises:
        ValueError: the name is unknown, or the keys of the dict are not exactly
            those of a published setting.
    """
    if isinstance(settings, str):
        if settings not in DENSE_CRF_SETTINGS:
            raise ValueError(
                f'crf={settings!r} must be one of {sorted(DENSE_CRF_SETTINGS)} or a dict.'
            )
        return dict(DENSE_CRF_SETTINGS[settings])
    expected = set(DENSE_CRF_SETTINGS['cam'])
    if set(settings) != expected:
        raise ValueError(
            f'crf must have exactly the keys {sorted(expected)}; missing '
            f'{sorted(expected - set(settings))}, unknown {sorted(set(settings) - expected)}.'
        )
    return dict(settings)


def require_pydensecrf():
    """The module ``pydensecrf.densecrf``.

    Raises:
        ImportError: it is not installed; the message says what to install.
    """
    try:
        from pydensecrf import densecrf
    except ImportError as error:
        raise ImportError(
            'the dense CRF needs the package pydensecrf2, which is built from source with a '
            'C++ compiler: pip install pydensecrf2'
        ) from error
    return densecrf


def dense_crf(
    probabilities: np.ndarray,
    image: np.ndarray,
    *,
    iterations: int,
    gaussian_sxy: float,
    gaussian_compat: float,
    bilateral_sxy: float,
    bilateral_srgb: float,
    bilateral_compat: float,
) -> np.ndarray:
    """Mean-field marginals of a fully connected CRF with Potts compatibility.

    Unary energies are -log(clip(p, 1e-5, 1)), so scores need not sum to 1;
    scores below 1e-5 are all the same to the CRF. Kernels are normalised
    symmetrically.

    Args:
        probabilities: (L, H, W) float scores in [0, 1].
        image: (H, W, 3) uint8, RGB. The approximation of the kernels depends a little
            on the order of the channels (0.07 in the worst marginal of one photo).
        iterations: mean-field steps; 0 returns the normalised scores.
        gaussian_sxy: standard deviation of the position kernel in pixels.
        gaussian_compat: its weight.
        bilateral_sxy: standard deviation of position in the bilateral kernel, pixels.
        bilateral_srgb: standard deviation of colour there, gray levels.
        bilateral_compat: its weight.

    Returns:
        (L, H, W) float32 marginals; they sum to 1 over L.

    Raises:
        ValueError: shapes or the image's dtype do not fit.
        ImportError: pydensecrf2 is not installed.

    Reference: Kraehenbuehl & Koltun, "Efficient Inference in Fully Connected CRFs
    with Gaussian Edge Potentials", NeurIPS 2011; computed by pydensecrf.
    """
    if probabilities.ndim != 3 or image.shape != (*probabilities.shape[1:], 3):
        raise ValueError(
            'dense_crf needs probabilities (L, H, W) and an image (H, W, 3) of the same size, '
            f'got {probabilities.shape} and {image.shape}.'
        )
    if image.dtype != np.uint8:
        raise ValueError(f'dense_crf needs a uint8 image, got {image.dtype}.')
    densecrf = require_pydensecrf()
    labels, height, width = probabilities.shape
    unary = -np.log(np.clip(probabilities, _MIN_PROBABILITY, 1.0)).reshape(labels, -1)
    crf = densecrf.DenseCRF2D(width, height, labels)
    crf.setUnaryEnergy(np.ascontiguousarray(unary, dtype=np.float32))
    crf.addPairwiseGaussian(sxy=gaussian_sxy, compat=gaussian_compat)
    crf.addPairwiseBilateral(
        sxy=bilateral_sxy,
        srgb=bilateral_srgb,
        rgbim=np.array(image, order='C'),  # a copy: pydensecrf takes no read-only arrays
        compat=bilateral_compat,
    )
    marginals = np.asarray(crf.inference(iterations), dtype=np.float32)
    return marginals.reshape(labels, height, width)


def label_probabilities(labels: np.ndarray, count: int, *, certainty: float = 0.7) -> np.ndarray:
    """Probabilities for :func:`dense_crf` from a label map: the same for every pixel.

    The pixel's label has ``certainty``, the others share the rest; with one label it
    has everything.

    Args:
        labels: (H, W) integers in 0..count - 1.
        count: L, number of labels.
        certainty: of the label map, in (0, 1).

    Returns:
        (L, H, W) float32.

    Reference: ``unary_from_labels`` of pydensecrf with ``zero_unsure=False``, as IRN
    (jiwoon-ahn/irn) calls it.
    """
    if count == 1:
        return np.ones((1, *labels.shape), np.float32)
    rest = (1 - certainty) / (count - 1)
    chosen = labels[None] == np.arange(count)[:, None, None]
    return np.where(chosen, np.float32(certainty), np.float32(rest))
