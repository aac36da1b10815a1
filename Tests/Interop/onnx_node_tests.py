#!/usr/bin/env python3
"""Runs ONNX's own backend tests against `convnet verify` and counts them.

The tests are those of the Python package `onnx`: its single-operator ("node") tests, the small models that
PyTorch exported for it, and its "simple" ones. Those that ask for an operator, element type or mode that is not
supported are counted by themselves; of the others none may fail.

    pip install onnx numpy
    python3 Tests/Interop/onnx_node_tests.py .build/release/convnet
"""

import collections
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

# Results are random there by definition: no values can be expected of another implementation.
RANDOM = ("bernoulli", "random", "training_dropout")


def is_random(name):
    return any(word in name for word in RANDOM) and "zero_ratio" not in name


def as_tensor(value, name):
    """The value as the message of a test file, or None for sequences, maps and the like."""
    if isinstance(value, (onnx.TensorProto,)):
        return value
    if isinstance(value, (list, tuple, dict)) or value is None:
        return None
    return numpy_helper.from_array(numpy.asarray(value), name)


def write_case(case, folder):
    """Puts a test where `convnet verify` looks for it; whether it could be done."""
    if case.model_dir:
        shutil.copytree(case.model_dir, folder)
        return True
    if case.model is None:
        return False
    messages = []
    for inputs, outputs in case.data_sets:
        names = [i.name for i in case.model.graph.input], [o.name for o in case.model.graph.output]
        tensors = [[as_tensor(v, n) for v, n in zip(values, kind)] for values, kind in zip((inputs, outputs), names)]
        if any(t is None for kind in tensors for t in kind):
            return False
        messages.append(tensors)
    folder.mkdir()
    onnx.save(case.model, folder / "model.onnx")
    for index, (inputs, outputs) in enumerate(messages):
        data = folder / f"test_data_set_{index}"
        data.mkdir()
        for kind, tensors in (("input", inputs), ("output", outputs)):
            for place, tensor in enumerate(tensors):
                (data / f"{kind}_{place}.pb").write_bytes(tensor.SerializeToString())
    return True


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    numpy.seterr(all="ignore")
    convnet = pathlib.Path(sys.argv[1]).resolve()
    skipped = 0
    outcomes = collections.Counter()
    reasons = collections.Counter()
    failures = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        tolerances = {}
        for kind in ("node", "simple", "pytorch-converted", "pytorch-operator"):
            for case in load_model_tests(kind=kind):
                if is_random(case.name):
                    skipped += 1
                    continue
                group = scratch / f"{case.rtol}_{case.atol}"
                group.mkdir(exist_ok=True)
                tolerances[group] = (case.rtol, case.atol)
                if not write_case(case, group / f"{kind}_{case.name}"):
                    skipped += 1
        for group, (rtol, atol) in tolerances.items():
            run = subprocess.run(
                [convnet, "verify", group, "--json", "--rtol", str(rtol), "--atol", str(atol)],
                capture_output=True, text=True)
            lines = [json.loads(line) for line in run.stdout.splitlines()]
            if not lines or "passed" not in lines[-1]:
                sys.exit(f"convnet verify ended with {run.returncode}: {run.stderr[-2000:]}")
            for line in lines[:-1]:
                outcomes[line["outcome"]] += 1
                name = pathlib.Path(line["model"]).name
                if line["outcome"] == "failed":
                    failures.append(f"{name}: {line['reason'].replace(str(group), '')}")
                elif line["outcome"] == "not supported":
                    reasons[line["reason"].split(": ", 1)[-1].splitlines()[0][:90]] += 1
    for failure in failures:
        print("failed:", failure)
    if "--reasons" in sys.argv:
        for reason, count in reasons.most_common():
            print(f"{count:5} {reason}")
    print(f"ONNX {onnx.__version__}: passed {outcomes['passed']}, failed {outcomes['failed']}, "
          f"not supported {outcomes['not supported']}, not tensors or random {skipped}")
    sys.exit(1 if failures or not outcomes["passed"] else 0)


if __name__ == "__main__":
    main()
