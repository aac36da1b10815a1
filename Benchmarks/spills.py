"""Names the inner loops of the kernels that keep vector registers on the stack.

    swift build -c release
    python3 Benchmarks/spills.py [PART-OF-A-FUNCTION'S-NAME ...]

Reads the object files of the build, as they are linked into programs: flags make a difference. SwiftPM compiles C with a frame
pointer, and one register less for addresses can be one too few. Needs objdump and an x86-64 build. Printed for each innermost
loop with multiply-adds and accesses of vectors on the stack: how many of either, and its function. A convolution's loop
with 28 multiply-adds and 40 accesses took 1.5 times as long.
"""

import re
import subprocess
import sys
from pathlib import Path

OBJECTS = Path(__file__).parent.parent / ".build" / "release" / "CTapestryKernels.build"
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)")


def functions(path):
    """The name and instructions (address, name, operands) of each function."""
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    for part in re.split(r"\n(?=[0-9a-f]+ <)", text):
        if name := re.match(r"[0-9a-f]+ <(\S+)>:", part):
            found = (INSTRUCTION.match(line) for line in part.splitlines())
            yield name[1], [(int(m[1], 16), m[2], m[3]) for m in found if m]


def inner_loops(instructions):
    """Stretches between a backward jump and its target that contain no other one."""
    loops = []
    for address, name, operands in instructions:
        target = re.match(r"([0-9a-f]+) <", operands)
        if name.startswith("j") and target and int(target[1], 16) < address:
            loops.append((int(target[1], 16), address))
    for first, last in loops:
        if not any(first <= a and b < last for a, b in loops if (a, b) != (first, last)):
            yield [i for i in instructions if first <= i[0] <= last]


def main(parts):
    if not OBJECTS.exists():
        sys.exit("build first: swift build -c release")
    for path in sorted(OBJECTS.glob("*.o")):
        for function, instructions in functions(path):
            if parts and not any(part in function for part in parts):
                continue
            for loop in inner_loops(instructions):
                products = sum("fmadd" in name or "fnmadd" in name for _, name, _ in loop)
                spills = sum("(%rsp)" in operands or "(%rbp)" in operands for _, name, operands in loop
                             if re.search(r"[xyz]mm", operands))
                if products and spills:
                    print(f"{products:4} multiply-adds {spills:4} accesses  {path.name}  {function}")


if __name__ == "__main__":
    main(sys.argv[1:])
