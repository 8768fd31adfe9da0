# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Drawing kit of the synthetic scenes: three contexts and six classes.

Each context has two classes which look alike in part: boat and duck on water,
car and bus on a street, cow and sheep on a meadow. The two of a pair share a
part (hull and body, chassis and wheels, trunk and legs) of the same shape and
the same colours, and each has parts of its own (sail, head, deck, wool ...).

Convention: an object is drawn in units of its own size, x to the right, y
upwards from the ground line on which it stands.
"""

import cv2
import numpy as np

#: Foreground classes; class id = index + 1. Neighbours in a pair look alike.
SYNTHETIC_CLASSES = ('boat', 'duck', 'car', 'bus', 'cow', 'sheep')
#: The classes at home in each context.
CONTEXTS = {'lake': ('boat', 'duck'), 'street': ('car', 'bus'), 'meadow': ('cow', 'sheep')}
#: What the part map says of a pixel.
NO_PART, SHARED_PART, OWN_PART = 0, 1, 2

# Body colours (RGB), common to the two classes of a pair.
_BODY = {
    'lake': ((226, 222, 208), (141, 92, 58), (196, 164, 92), (96, 78, 70)),
    'street': ((188, 52, 46), (58, 92, 168), (222, 178, 62), (206, 208, 210), (70, 128, 96)),
    'meadow': ((232, 226, 212), (150, 104, 68), (92, 72, 60), (196, 178, 150)),
}


class Canvas:
    """A picture with the class id and the kind of part of every pixel.

    ``image`` is float32 (H, W, 3), RGB in 0..255; ``label`` and ``part`` are
    uint8 (H, W), 0 where no object was drawn.
    """

    def __init__(self, height: int, width: int):
        self.image = np.zeros((height, width, 3), np.float32)
        self.label = np.zeros((height, width), np.uint8)
        self.part = np.full((height, width), NO_PART, np.uint8)


class Pen:
    """Draws polygons given in units of one object onto a canvas.

    Args:
        canvas: what to draw on.
        class_id: the object's class id; 0 for things that belong to the background.
        origin: (x, y) pixel of the point (0, 0), on the object's ground line.
        size: pixels per unit.
        flip: mirror left and right.
        grain: float (H, W), multiplies the colours; 1 leaves them unchanged.
    """

    def __init__(self, canvas, class_id, origin, size, flip, grain):
        self.canvas, self.class_id, self.origin = canvas, class_id, origin
        self.scale = np.array([-size if flip else size, -size])
        self.grain = grain

    def polygon(self, points, colour, part):
        """Fill a polygon in colour, class id and part.

        Args:
            points: (n, 2) x and y in units of the object.
            colour: (3,) R, G, B in 0..255, before the grain.
            part: of :data:`SHARED_PART`, :data:`OWN_PART`; the background has :data:`NO_PART`.
        """
        pixels = np.rint(np.asarray(points, np.float64) * self.scale + self.origin)
        inside = np.zeros(self.canvas.label.shape, np.uint8)
        cv2.fillPoly(inside, [pixels.astype(np.int32)], 1)
        inside = inside.astype(bool)
        self.canvas.image[inside] = np.asarray(colour, np.float32) * self.grain[inside][:, None]
        self.canvas.label[inside] = self.class_id
        self.canvas.part[inside] = part if self.class_id else NO_PART

    def box(self, left, bottom, right, top, colour, part):
        """Fill the rectangle between two corners, in units of the object; see :meth:`polygon`."""
        corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
        self.polygon(corners, colour, part)

    def ellipse(self, x, y, rx, ry, colour, part, start=0, stop=360):
        """Fill the ellipse around (x, y) with radii rx and ry; see :meth:`polygon`.

        Args:
            start, stop: degrees, of a segment: the chord between the two closes it.
        """
        angle = np.deg2rad(np.linspace(start, stop, 33))
        self.polygon(np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], 1), colour, part)


def smooth_noise(rng: np.random.Generator, height: int, width: int, cells: tuple) -> np.ndarray:
    """Noise of a chosen coarseness: ``cells`` = (rows, columns) of random values in -1..1.

    Returns:
        float32 (height, width), values about in -1..1.
    """
    grid = rng.uniform(-1, 1, cells).astype(np.float32)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)


def _boat(pen, rng, body):
    pen.box(-0.03, 0.3, 0.03, 1.2, (92, 70, 54), OWN_PART)
    sail = (238, 236, 230) if rng.random() < 0.6 else (204, 84, 66)
    top = rng.uniform(1.0, 1.2)
    pen.polygon([(0.06, 0.42), (0.58, 0.42), (0.06, top)], sail, OWN_PART)
    pen.polygon([(-0.06, 0.42), (-0.4, 0.42), (-0.06, top - 0.2)], sail, OWN_PART)
    pen.ellipse(0, 0.34, 0.75, 0.34, body, SHARED_PART, 180, 360)


def _duck(pen, rng, body):
    head = (52, 108, 74) if rng.random() < 0.5 else body
    pen.polygon([(0.38, 0.3), (0.66, 0.3), (0.66, 0.72), (0.46, 0.72)], head, OWN_PART)
    pen.ellipse(0.58, 0.78, 0.2, 0.18, head, OWN_PART)
    pen.polygon([(0.74, 0.84), (1.0, 0.76), (0.74, 0.7)], (232, 140, 40), OWN_PART)
    pen.ellipse(0.64, 0.82, 0.04, 0.04, (20, 20, 20), OWN_PART)
    pen.polygon([(-0.5, 0.32), (-0.92, 0.56), (-0.7, 0.24)], body, OWN_PART)
    pen.ellipse(0, 0.34, 0.75, 0.34, body, SHARED_PART, 180, 360)
    pen.ellipse(0, 0.33, 0.68, 0.14, body, SHARED_PART, 0, 180)


def _chassis(pen, body):
    pen.box(-0.85, 0.14, 0.85, 0.52, body, SHARED_PART)
    for x in (-0.5, 0.5):
        pen.ellipse(x, 0.16, 0.17, 0.16, (28, 28, 30), SHARED_PART)
        pen.ellipse(x, 0.16, 0.08, 0.08, (150, 150, 150), SHARED_PART)


def _car(pen, rng, body):
    roof = rng.uniform(0.82, 0.92)
    pen.polygon([(-0.6, 0.5), (-0.36, roof), (0.3, roof), (0.56, 0.5)], body, OWN_PART)
    glass = (158, 196, 214)
    pen.polygon([(-0.46, 0.54), (-0.3, roof - 0.06), (-0.06, roof - 0.06), (-0.06, 0.54)], glass, 2)
    pen.polygon([(0.02, 0.54), (0.02, roof - 0.06), (0.26, roof - 0.06), (0.42, 0.54)], glass, 2)
    _chassis(pen, body)


def _bus(pen, rng, body):
    roof = rng.uniform(1.1, 1.3)
    pen.box(-0.85, 0.5, 0.85, roof, body, OWN_PART)
    for left in np.linspace(-0.78, 0.46, 4):
        pen.box(left, 0.66, left + 0.3, roof - 0.12, (158, 196, 214), OWN_PART)
    _chassis(pen, body)


def _trunk(pen, body):
    for x in (-0.5, -0.3, 0.24, 0.44):
        pen.box(x, 0.0, x + 0.1, 0.45, np.asarray(body) * 0.75, SHARED_PART)
    pen.ellipse(0, 0.62, 0.66, 0.3, body, SHARED_PART)


def _cow(pen, rng, body):
    horn = (214, 204, 176)
    pen.polygon([(0.64, 1.02), (0.6, 1.2), (0.72, 1.06)], horn, OWN_PART)
    pen.polygon([(0.82, 1.04), (0.92, 1.2), (0.9, 1.0)], horn, OWN_PART)
    _trunk(pen, body)
    for x in (-0.35, 0.0, 0.32)[: rng.integers(1, 4)]:
        y = rng.uniform(0.6, 0.78)
        pen.ellipse(x, y, rng.uniform(0.12, 0.18), 0.13, (44, 38, 36), OWN_PART)
    pen.ellipse(0.76, 0.9, 0.2, 0.17, np.asarray(body) * 0.85, OWN_PART)
    pen.ellipse(0.9, 0.82, 0.1, 0.09, (214, 158, 150), OWN_PART)


def _sheep(pen, rng, body):
    _trunk(pen, body)
    wool = 0.55 * np.asarray(body) + 0.45 * np.array((240, 236, 226))
    for angle in np.deg2rad(np.linspace(0, 180, 9)):
        x, y = 0.58 * np.cos(angle), 0.66 + 0.24 * np.sin(angle)
        pen.ellipse(x, y, 0.17, 0.15, wool, OWN_PART)
    face = (48, 42, 40) if rng.random() < 0.7 else np.asarray(body) * 0.85
    pen.ellipse(0.72, 0.78, 0.15, 0.2, face, OWN_PART)
    pen.polygon([(0.6, 0.92), (0.46, 0.84), (0.6, 0.82)], face, OWN_PART)


_DRAW = {'boat': _boat, 'duck': _duck, 'car': _car, 'bus': _bus, 'cow': _cow, 'sheep': _sheep}


def draw_object(canvas, name: str, origin: tuple, size: float, rng: np.random.Generator) -> None:
    """Draw one object of class ``name`` with its ground line at ``origin`` (x, y in pixels)."""
    home = next(context for context, names in CONTEXTS.items() if name in names)
    body = np.array(_BODY[home][rng.integers(len(_BODY[home]))]) + rng.uniform(-14, 14, 3)
    height, width = canvas.label.shape
    grain = 1 + 0.1 * smooth_noise(rng, height, width, (height // 4, width // 4))
    class_id = SYNTHETIC_CLASSES.index(name) + 1
    pen = Pen(canvas, class_id, np.array(origin), size, rng.random() < 0.5, grain)
    _DRAW[name](pen, rng, body)


def draw_context(canvas, context: str, horizon: float, rng: np.random.Generator) -> None:
    """Fill the canvas with a sky or houses, a ground and a few things of the background.

    Args:
        canvas: overwritten completely.
        context: a key of :data:`CONTEXTS`.
        horizon: share of the height above the ground, in 0..1.
        rng: source of every random choice.
    """
    height, width = canvas.label.shape
    line = int(round(horizon * height))
    fade = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    light = rng.uniform(0.85, 1.08)
    top, bottom = (np.array(c, np.float32) for c in ((122, 170, 218), (226, 234, 240)))
    canvas.image[:] = (top + (bottom - top) * np.minimum(fade / max(horizon, 1e-3), 1)) * light
    ground = {'lake': (62, 116, 150), 'street': (112, 110, 112), 'meadow': (98, 146, 66)}[context]
    cells = {'lake': (height // 5, 10), 'street': (height // 3, width // 3), 'meadow': (48, 64)}
    depth = {'lake': 0.2, 'street': 0.1, 'meadow': 0.25}[context]
    texture = 1 + depth * smooth_noise(rng, height, width, cells[context])
    texture += 0.12 * smooth_noise(rng, height, width, (4, 5))
    shade = (0.8 + 0.35 * fade) * texture[..., None] * light
    canvas.image[line:] = (np.array(ground, np.float32) * shade)[line:]
    _SCENERY[context](canvas, line, rng)
    np.clip(canvas.image, 0, 255, out=canvas.image)


def _background_pen(canvas, origin, size, rng):
    height, width = canvas.label.shape
    grain = 1 + 0.15 * smooth_noise(rng, height, width, (height // 6, width // 6))
    return Pen(canvas, 0, np.array(origin), size, rng.random() < 0.5, grain)


def _ridge(canvas, line, rng, heights, points, colour):
    height, width = canvas.label.shape
    pen = _background_pen(canvas, (0, line), height, rng)
    pen.scale[0] = height
    ridge = [(x, rng.uniform(*heights)) for x in np.linspace(0, width / height, points)]
    pen.polygon([(0, 0), *ridge, (width / height, 0)], colour, NO_PART)


def _shore(canvas, line, rng):
    height, width = canvas.label.shape
    _ridge(canvas, line, rng, (0.02, 0.1), 7, (84, 112, 88))
    for _ in range(rng.integers(0, 3)):  # rocks, the shape of a hull upside down
        spot = (rng.uniform(0, width), rng.uniform(line + 0.15 * height, height))
        rock = _background_pen(canvas, spot, rng.uniform(0.08, 0.18) * height, rng)
        rock.ellipse(0, 0, 0.8, 0.5, (122, 116, 108), NO_PART, 0, 180)


def _houses(canvas, line, rng):
    height, width = canvas.label.shape
    left = 0.0
    while left < width:
        wide, tall = rng.uniform(0.18, 0.35) * width, rng.uniform(0.5, 1.1) * line
        pen = _background_pen(canvas, (left, line), 1.0, rng)
        pen.scale[0] = 1.0
        wall = np.array([(176, 150, 128), (160, 122, 104), (190, 182, 168)][rng.integers(3)])
        pen.box(0, 0, wide, tall, wall, NO_PART)
        for x in np.arange(0.12, 0.8, 0.26) * wide:
            pen.box(x, 0.45 * tall, x + 0.13 * wide, 0.75 * tall, (92, 104, 118), NO_PART)
        left += wide
    kerb = _background_pen(canvas, (0, line), 1.0, rng)
    kerb.scale[0] = 1.0
    kerb.box(0, -0.06 * height, width, 0, (172, 168, 160), NO_PART)
    for x in np.arange(rng.uniform(0, 0.2), 1, 0.25) * width:
        y = -0.62 * (height - line)
        kerb.box(x, y - 0.02 * height, x + 0.12 * width, y, (220, 218, 208), NO_PART)


def _hills(canvas, line, rng):
    height, width = canvas.label.shape
    _ridge(canvas, line, rng, (0.03, 0.16), 6, (92, 128, 92))
    for _ in range(rng.integers(0, 4)):  # bushes, the shape of a trunk
        spot = (rng.uniform(0, width), rng.uniform(line, height))
        bush = _background_pen(canvas, spot, rng.uniform(0.1, 0.25) * height, rng)
        bush.ellipse(0, 0.3, 0.5, 0.32, (64, 104, 52), NO_PART)


_SCENERY = {'lake': _shore, 'street': _houses, 'meadow': _hills}
