"""Compares logits of convnet's nets with torch modules of the same names, both ways, in all element types."""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file, save_file

# torchvision's names that are not convnet's, and arguments beside the number of classes.
TORCHVISION = {
    "alexnet": {},
    "vgg11_bn": {"init_weights": False},
    "googlenet": {"aux_logits": False, "transform_input": False, "init_weights": False},
    "resnet18": {},
    "resnet50": {},
    "densenet121": {},
    "squeezenet1_1": {},
}
SIZE = 96


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
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}\n{done.stderr}")
    return done.stdout


def write_image(path, pixels):
    """Pixels [height, width] or [height, width, 3] as a portable graymap or pixmap."""
    kind = "P5" if pixels.ndim == 2 else "P6"
    path.write_bytes(f"{kind}\n{pixels.shape[1]} {pixels.shape[0]}\n255\n".encode() + pixels.tobytes())


def write_idx(folder, count, side, random):
    """A data set in MNIST's format."""
    folder.mkdir()
    for stem in ["train", "t10k"]:
        pixels = random.integers(0, 256, (count, side, side), dtype=numpy.uint8)
        labels = (numpy.arange(count) % 10).astype(numpy.uint8)
        header = struct.pack(">IIII", 2051, count, side, side)
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, count) + labels.tobytes())


def logits_here(convnet, weights, paths):
    lines = run(convnet, "classify", "--weights", str(weights), "--json", *map(str, paths)).splitlines()
    return numpy.array([json.loads(line)["logits"] for line in lines])


def logits_there(module, metadata, images):
    mean, deviation = json.loads(metadata["mean"]), json.loads(metadata["deviation"])
    x = torch.from_numpy(numpy.stack(images).astype(numpy.float32) / 255)
    x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)
    factor = int(metadata["height"]) // x.shape[2]
    x = x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    mean, deviation = (torch.tensor(v).reshape(1, -1, 1, 1) for v in (mean, deviation))
    with torch.no_grad():
        return module((x - mean) / deviation).numpy()


def torchvision_net(name, channels):
    """One with random weights and statistics."""
    net = getattr(torchvision.models, name)(weights=None, num_classes=10, **TORCHVISION[name])
    if channels != 3:
        place, old = next((n, m) for n, m in net.named_modules() if isinstance(m, torch.nn.Conv2d))
        new = torch.nn.Conv2d(
            channels, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None
        )
        parent, _, attribute = place.rpartition(".")
        setattr(net.get_submodule(parent), attribute, new)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
            module.num_batches_tracked.fill_(7)
    return net.eval()


def save_sharded(folder, state, metadata):
    """Two files and an index, as large models are published."""
    folder.mkdir()
    names = list(state)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    index = {"metadata": {"total_size": 0}, "weight_map": {}}
    for number, half in enumerate(halves, 1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({name: state[name] for name in half}, str(folder / file), metadata)
        index["weight_map"].update({name: file for name in half})
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps(index))
    return path


class Checks:
    def __init__(self, convnet):
        self.convnet = convnet
        self.passed = self.failed = 0

    def compare(self, what, weights, module, metadata, images, paths):
        here, there = logits_here(self.convnet, weights, paths), logits_there(module, metadata, images)
        error = numpy.abs(here - there).max() / numpy.abs(there).max()
        good = here.shape == there.shape and error < 2e-5
        self.passed += good
        self.failed += not good
        print(f"{what}: largest difference of {here.shape[0]} x {here.shape[1]} logits {error:.1e} of the largest", flush=True)


def check_small(checks, folder, random):
    images = [random.integers(0, 256, (8, 8), dtype=numpy.uint8) for _ in range(20)]
    paths = [folder / f"{index}.pgm" for index in range(len(images))]
    for path, pixels in zip(paths, images):
        pixels[0, 0] = 255
        write_image(path, pixels)
    for name, make in [("lenet5", LeNet5), ("digitnet", DigitNet)]:
        run(checks.convnet, "train", "--model", name, "--epochs", "2", "--output", str(folder / name))
        weights = folder / name / "weights.safetensors"
        with safe_open(weights, "pt") as file:
            metadata = file.metadata()
        module = make().eval()
        module.load_state_dict(load_file(weights), strict=True)
        checks.compare(f"{name}, here to torch", weights, module, metadata, images, paths)
        fresh = make().eval()
        theirs = folder / f"{name}-torch.safetensors"
        save_file(fresh.state_dict(), theirs, metadata)
        checks.compare(f"{name}, torch to here", theirs, fresh, metadata, images, paths)


def check_from_torchvision(checks, name, model, folder, random):
    images = [random.integers(0, 256, (SIZE, SIZE, 3), dtype=numpy.uint8) for _ in range(3)]
    paths = [folder / f"{name}-{index}.ppm" for index in range(len(images))]
    for path, pixels in zip(paths, images):
        pixels[0, 0] = 255
        write_image(path, pixels)
    metadata = {
        "model": model, "classes": "10", "channels": "3", "height": str(SIZE), "width": str(SIZE),
        "mean": "[0.485, 0.456, 0.406]", "deviation": "[0.229, 0.224, 0.225]",
    }
    module = torchvision_net(name, 3)
    weights = folder / f"{name}.safetensors"
    for dtype in [torch.float32, torch.float16, torch.bfloat16, torch.float64]:
        state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in module.state_dict().items()}
        save_file(state, weights, metadata)
        module.load_state_dict(state, strict=True)
        what = f"{name}, torchvision to here, {str(dtype).removeprefix('torch.')}"
        checks.compare(what, weights, module, metadata, images, paths)
        if dtype != torch.float32 and name != "resnet18":
            break
    weights.unlink()
    if name == "resnet18":
        index = save_sharded(folder / "sharded", module.state_dict(), metadata)
        checks.compare(f"{name}, torchvision to here, two files", index, module, metadata, images, paths)


def check_to_torchvision(checks, name, model, folder, random):
    data = folder / f"data-{name}"
    write_idx(data, 10, 28, random)
    run(
        checks.convnet, "train", "--model", model, "--data", str(data), "--epochs", "1", "--batch", "5",
        "--output", str(folder / model),
    )
    weights = folder / model / "weights.safetensors"
    with safe_open(weights, "pt") as file:
        metadata = file.metadata()
    module = torchvision_net(name, 1)
    module.load_state_dict(load_file(weights), strict=True)
    images = [random.integers(0, 256, (28, 28), dtype=numpy.uint8) for _ in range(3)]
    paths = [folder / f"gray-{index}.pgm" for index in range(len(images))]
    for path, pixels in zip(paths, images):
        pixels[0, 0] = 255
        write_image(path, pixels)
    checks.compare(f"{name}, here to torchvision (strict)", weights, module, metadata, images, paths)
    weights.unlink()


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: safetensors_to_torch.py PATH_OF_CONVNET")
    checks = Checks(sys.argv[1])
    random = numpy.random.default_rng(0)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        check_small(checks, folder, random)
        known = {json.loads(line)["model"] for line in run(checks.convnet, "models", "--json").splitlines()}
        for name in TORCHVISION:
            model = name.replace("_", "-")
            if model not in known:
                print(f"{name}: not compared, convnet has no {model}")
                continue
            check_from_torchvision(checks, name, model, folder, random)
            check_to_torchvision(checks, name, model, folder, random)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(checks.failed > 0)


main()
