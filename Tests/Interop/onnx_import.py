#!/usr/bin/env python3
"""Imports nets that PyTorch exported and compares the results.

Models of torchvision with random weights are written by torch.onnx (its TorchScript exporter, and where the package
onnxscript is installed its newer one), and run by `convnet run --onnx`; the results must be PyTorch's to 1e-4 of
the largest.

    pip install torch torchvision onnx numpy safetensors
    python3 Tests/Interop/onnx_import.py .build/release/convnet [MODEL ...]
"""

import pathlib
import subprocess
import sys
import tempfile
import warnings

import torch
import torchvision
from safetensors.numpy import load_file, save_file

TOLERANCE = 1e-4
MODELS = {
    "alexnet": 224, "vgg11_bn": 224, "squeezenet1_1": 224, "googlenet": 224, "resnet18": 224,
    "resnext50_32x4d": 224, "densenet121": 224, "mobilenet_v2": 224, "mobilenet_v3_small": 224,
    "shufflenet_v2_x0_5": 224, "mnasnet0_5": 224, "efficientnet_b0": 224, "inception_v3": 299,
    "regnet_y_400mf": 224, "convnext_tiny": 224,
}


class Handmade(torch.nn.Module):
    """What the others do not use: sizes taken from shapes, unusual activations, transposed convolution."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1, dilation=1)
        self.norm = torch.nn.InstanceNorm2d(8, affine=True)
        self.group = torch.nn.GroupNorm(2, 8)
        self.up = torch.nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1)
        self.prelu = torch.nn.PReLU(6)
        self.head = torch.nn.Linear(6 * 8 * 8, 5)

    def forward(self, x):
        x = torch.nn.functional.elu(self.group(self.norm(self.first(x))))
        x = self.prelu(self.up(x))
        x = torch.nn.functional.pad(x, (1, 2, 0, 1), mode="reflect")
        x = torch.nn.functional.avg_pool2d(x[:, :, :16, :16], 3, 2, 1, ceil_mode=False, count_include_pad=False)
        a, b = x.chunk(2, dim=1)
        x = torch.cat([a * torch.sigmoid(b), b.clamp(-0.5, 0.75)], dim=1)
        x = x.view(x.size(0), -1)
        return torch.log_softmax(self.head(x), dim=1)


def make(name):
    if name == "handmade":
        return Handmade()
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return getattr(torchvision.models, name)(weights=None, num_classes=100, **options)


def randomize(net):
    """Statistics unlike those of initialisation, so that they matter."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)


def export(net, images, path, newer):
    if newer:
        torch.onnx.export(net, (images,), path, dynamo=True, external_data=False, verbose=False)
    else:
        # With an open batch the exporter writes conditions where the handmade net squeezes an axis.
        axes = None if isinstance(net, Handmade) else {"input": {0: "N"}, "output": {0: "N"}}
        torch.onnx.export(net, (images,), path, dynamo=False, verbose=False, input_names=["input"],
                          output_names=["output"], dynamic_axes=axes)


def difference(convnet, net, images, newer, scratch):
    path = str(scratch / "net.onnx")
    export(net, images, path, newer)
    with torch.no_grad():
        expected = net(images).numpy()
    save_file({"input": images.numpy()}, scratch / "input.safetensors")
    subprocess.run(
        [convnet, "run", "--onnx", path, "--input", scratch / "input.safetensors", "--output", scratch / "output.safetensors"],
        check=True, capture_output=True, text=True)
    actual, = load_file(scratch / "output.safetensors").values()
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    return abs(actual - expected).max() / abs(expected).max()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    convnet = pathlib.Path(sys.argv[1]).resolve()
    exporters = [False]
    try:
        import onnxscript  # noqa: F401
        exporters.append(True)
    except ImportError:
        pass
    chosen = sys.argv[2:] or ["handmade", *MODELS]
    failed = total = 0
    for name in chosen:
        torch.manual_seed(3)
        net = make(name)
        randomize(net)
        net.eval()
        size = MODELS.get(name, 15)
        images = torch.randn(2, 3, size, size)
        for newer in exporters:
            total += 1
            label = f"{name} ({'torch.export' if newer else 'TorchScript'})"
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    worst = difference(convnet, net, images, newer, pathlib.Path(scratch))
                    good = worst < TOLERANCE
                    print(f"{label:36} difference {worst:.1e}{'' if good else '  FAILED'}", flush=True)
                except subprocess.CalledProcessError as error:
                    good = False
                    print(f"{label:36} FAILED: {error.stderr.strip()}", flush=True)
                except Exception as error:
                    good = False
                    print(f"{label:36} FAILED: {type(error).__name__}: {str(error)[:300]}", flush=True)
                failed += not good
    print(f"{total - failed} of {total} imported models equal PyTorch to {TOLERANCE}")
    sys.exit(1 if failed or not total else 0)


if __name__ == "__main__":
    main()
