"""Writes the PNG and JPEG files that the tests of image reading compare with.

Every PNG shows the picture of `sample` below, so that no expected values need to be stored. Most are
written by the small encoder here, because Pillow writes neither interlaced files nor 16-bit colours;
those called pillow-... are Pillow's. Beside each JPEG is what Pillow decodes of it, as PNG.
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy
from PIL import Image

WIDTH, HEIGHT = 13, 9
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
COLOR_TYPES = {"gray": (0, 1), "rgb": (2, 3), "palette": (3, 1), "graya": (4, 2), "rgba": (6, 4)}


def sample(x, y, channel, depth):
    return (37 * x + 101 * y + 53 * channel + 7 * x * y) * (257 if depth == 16 else 1) % (1 << depth)


def color(index):
    return bytes([71 * index % 256, (29 * index + 5) % 256, (113 * index + 17) % 256])


def opacity(index):
    return 97 * index % 256


def chunk(name, content):
    covered = name + content
    return struct.pack(">I", len(content)) + covered + struct.pack(">I", zlib.crc32(covered))


def packed(samples, depth):
    """The bytes of a row."""
    if depth == 16:
        return b"".join(struct.pack(">H", value) for value in samples)
    bits = "".join(format(value, f"0{depth}b") for value in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def filtered(row, previous, kind, distance):
    out = bytearray([kind])
    for i, value in enumerate(row):
        left = row[i - distance] if i >= distance else 0
        above = previous[i]
        corner = previous[i - distance] if i >= distance else 0
        if kind == 4:
            estimate = left + above - corner
            near = min((abs(estimate - v), order) for order, v in enumerate((left, above, corner)))
            guess = (left, above, corner)[near[1]]
        else:
            guess = (0, left, above, (left + above) // 2)[kind]
        out.append((value - guess) % 256)
    return bytes(out)


def png(kind, depth, interlaced=False, transparency=None, pieces=1, width=WIDTH, height=HEIGHT):
    color_type, channels = COLOR_TYPES[kind]
    distance = max(1, channels * depth // 8)
    rows = b""
    for top, left, down, across in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        previous = None
        for number, y in enumerate(range(top, height, down)):
            values = [sample(x, y, c, depth) for x in range(left, width, across) for c in range(channels)]
            if not values:
                continue
            row = packed(values, depth)
            rows += filtered(row, previous or bytes(len(row)), (number + 4) % 5, distance)
            previous = row
    data = zlib.compress(rows, 9)
    file = b"\x89PNG\r\n\x1a\n"
    file += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced))
    file += chunk(b"tEXt", b"Title\0test")
    if kind == "palette":
        file += chunk(b"PLTE", b"".join(color(i) for i in range(1 << depth)))
    if transparency is not None:
        file += chunk(b"tRNS", transparency)
    size = -(-len(data) // pieces)
    for start in range(0, len(data), size):
        file += chunk(b"IDAT", data[start : start + size])
    return file + chunk(b"IEND", b"")


def main(folder):
    files = {}
    for kind, depths in [
        ("gray", (1, 2, 4, 8, 16)), ("rgb", (8, 16)), ("palette", (1, 2, 4, 8)), ("graya", (8, 16)), ("rgba", (8, 16)),
    ]:
        for depth in depths:
            files[f"{kind}-{depth}"] = png(kind, depth)
            files[f"{kind}-{depth}-adam7"] = png(kind, depth, interlaced=True)
    for depth in (2, 8, 16):
        files[f"gray-{depth}-trns"] = png("gray", depth, transparency=struct.pack(">H", sample(1, 0, 0, depth)))
    for depth in (8, 16):
        key = struct.pack(">HHH", *(sample(1, 0, c, depth) for c in range(3)))
        files[f"rgb-{depth}-trns"] = png("rgb", depth, transparency=key, interlaced=depth == 16)
    files["palette-4-trns"] = png("palette", 4, transparency=bytes(opacity(i) for i in range(9)))
    files["palette-8-trns-adam7"] = png("palette", 8, True, bytes(opacity(i) for i in range(256)))
    files["rgb-8-pieces"] = png("rgb", 8, pieces=40)
    for width, height in [(1, 1), (2, 3), (5, 1), (1, 5)]:
        files[f"gray-8-adam7-{width}x{height}"] = png("gray", 8, True, width=width, height=height)
    for name, data in files.items():
        (folder / f"{name}.png").write_bytes(data)

    def array(channels, depth=8):
        values = [[[sample(x, y, c, depth) for c in range(channels)] for x in range(WIDTH)] for y in range(HEIGHT)]
        return numpy.array(values, numpy.uint16 if depth == 16 else numpy.uint8)

    Image.fromarray(array(1)[:, :, 0]).save(folder / "pillow-gray-8.png")
    Image.fromarray(array(1, 16)[:, :, 0]).save(folder / "pillow-gray-16.png")
    Image.fromarray(array(1, 1)[:, :, 0] * 255).convert("1").save(folder / "pillow-gray-1.png")
    Image.fromarray(array(2)).save(folder / "pillow-graya-8.png")
    Image.fromarray(array(3)).save(folder / "pillow-rgb-8.png")
    Image.fromarray(array(4)).save(folder / "pillow-rgba-8.png", optimize=True)
    indexed = Image.fromarray(array(1)[:, :, 0]).copy()
    indexed = Image.frombytes("P", (WIDTH, HEIGHT), indexed.tobytes())
    indexed.putpalette(b"".join(color(i) for i in range(256)))
    indexed.save(folder / "pillow-palette-8.png")

    x, y = numpy.meshgrid(numpy.arange(35), numpy.arange(21))
    smooth = numpy.stack([(7 * x) % 256, 12 * y, 255 - 5 * x - 2 * y], axis=2).astype(numpy.uint8)
    picture = Image.fromarray(smooth)
    jpegs = {
        "jpeg-rgb-444": (picture, dict(subsampling=0, quality=90)),
        "jpeg-rgb-420": (picture, dict(subsampling=2, quality=80)),
        "jpeg-rgb-progressive": (picture, dict(progressive=True, quality=85)),
        "jpeg-gray": (picture.convert("L"), dict(quality=90)),
        "jpeg-cmyk": (picture.convert("CMYK"), dict(quality=90)),
    }
    for name, (image, options) in jpegs.items():
        path = folder / f"{name}.jpg"
        image.save(path, **options)
        decoded = Image.open(path)
        decoded = decoded if decoded.mode == "L" else decoded.convert("RGB")
        decoded.save(folder / f"{name}.decoded.png", optimize=True)


main(Path(sys.argv[1]))
