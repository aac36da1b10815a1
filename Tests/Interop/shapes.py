"""Makes a folder of small pictures in colour, in a folder for each class: what colour nets are tried on without any data.

    python3 Tests/Interop/shapes.py FOLDER

Four classes of 125 pictures, 32 x 32, as PPM: a disc, a cross, bars that lie and bars that stand, in random colours, places and
sizes on random backgrounds. The same pictures every time.
"""

import os
import random
import sys


def picture(kind, source):
    """Bytes of one picture, row by row, red, green, blue."""
    background = [source.randrange(0, 110) for _ in range(3)]
    colour = [source.randrange(90, 256) for _ in range(3)]
    y0, x0, radius = source.uniform(11, 21), source.uniform(11, 21), source.uniform(6, 10)
    period, phase = source.choice([6, 8, 10]), source.randrange(10)
    pixels = bytearray()
    for y in range(32):
        for x in range(32):
            dy, dx = y - y0, x - x0
            is_inside = {
                "disc": dy * dy + dx * dx < radius * radius,
                "cross": min(abs(dy), abs(dx)) < 2.5 and max(abs(dy), abs(dx)) < radius,
                "lying": (y + phase) % period < period // 2,
                "standing": (x + phase) % period < period // 2,
            }[kind]
            for channel in range(3):
                value = (colour if is_inside else background)[channel] + source.gauss(0, 12)
                pixels.append(min(max(int(value), 0), 255))
    return bytes(pixels)


def write_shapes(folder, count=125):
    source = random.Random(1)
    for kind in ["cross", "disc", "lying", "standing"]:
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
        for index in range(count):
            with open(os.path.join(folder, kind, f"{index:03}.ppm"), "wb") as file:
                file.write(b"P6\n32 32\n255\n" + picture(kind, source))


if __name__ == "__main__":
    write_shapes(sys.argv[1])
