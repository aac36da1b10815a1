"""Compares logits of nets trained by convnet with torch modules of the same names, both ways."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file


class LeNet5(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = torch.nn.Conv2d(1, 6, 5)
        self.c3 = torch.nn.Conv2d(6, 16, 5)
        self.c5 = torch.nn.Conv2d(16, 120, 5)
        self.f6 = torch.nn.Linear(120, 84)
        self.output = torch.nn.Linear(84, 10)

    def forward(self, x):
        x = torch.nn.functional.avg_pool2d(torch.tanh(self.c1(x)), 2)
        x = torch.nn.functional.avg_pool2d(torch.tanh(self.c3(x)), 2)
        x = torch.tanh(self.c5(x)).flatten(1)
        return self.output(torch.tanh(self.f6(x)))


class DigitNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 6, 5)
        self.conv2 = torch.nn.Conv2d(6, 16, 5)
        self.fc1 = torch.nn.Linear(400, 120)
        self.fc2 = torch.nn.Linear(120, 100)
        self.fc3 = torch.nn.Linear(100, 10)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.fc3(torch.relu(self.fc2(x)))


def run(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def write_image(path, pixels):
    path.write_bytes(b"P5\n8 8\n255\n" + pixels.tobytes())


def logits_here(convnet, weights, paths):
    lines = run(convnet, "classify", "--weights", weights, "--json", *map(str, paths)).splitlines()
    return numpy.array([json.loads(line)["logits"] for line in lines])


def logits_there(module, metadata, images):
    mean, deviation = json.loads(metadata["mean"])[0], json.loads(metadata["deviation"])[0]
    x = torch.from_numpy(numpy.stack(images).astype(numpy.float32) / 255)[:, None]
    x = x.repeat_interleave(4, 2).repeat_interleave(4, 3)
    with torch.no_grad():
        return module((x - mean) / deviation).numpy()


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: safetensors_to_torch.py PATH_OF_CONVNET")
    convnet = sys.argv[1]
    random = numpy.random.default_rng(0)
    checks = failures = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        images = [random.integers(0, 256, (8, 8), dtype=numpy.uint8) for _ in range(20)]
        paths = [folder / f"{index}.pgm" for index in range(len(images))]
        for path, pixels in zip(paths, images):
            pixels[0, 0] = 255
            write_image(path, pixels)
        for name, make in [("lenet5", LeNet5), ("digitnet", DigitNet)]:
            run(convnet, "train", "--model", name, "--epochs", "2", "--output", str(folder / name))
            weights = str(folder / name / "weights.safetensors")
            with safe_open(weights, "pt") as file:
                metadata = file.metadata()
            module = make().eval()
            module.load_state_dict(load_file(weights), strict=True)

            theirs = str(folder / f"{name}-torch.safetensors")
            fresh = make().eval()
            save_file(fresh.state_dict(), theirs, metadata)
            for direction, file, net in [("here to torch", weights, module), ("torch to here", theirs, fresh)]:
                error = numpy.abs(
                    logits_here(convnet, file, paths) - logits_there(net, metadata, images)
                ).max()
                checks += 1
                failures += not error < 1e-5
                print(f"{name}, {direction}: largest difference of {len(images)} x 10 logits {error:.1e}")
    print(f"{checks - failures} passed, {failures} failed")
    sys.exit(failures > 0)


main()
