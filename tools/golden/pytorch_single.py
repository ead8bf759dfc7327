"""Single convolutions and poolings with awkward geometry, sums and global poolings in PyTorch. Writes pytorch.safetensors.

Each case is stored as `<operation>.<n>.<tensor>`; `<operation>.<n>.window` holds kernel height, kernel width, vertical
stride, horizontal stride, and the padding: top, bottom, left, right. The inputs of a sum are `input0`, `input1`, ...
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

CASES = [  # images, channels, height, width, filters, kernel, stride, (top, bottom, left, right)
    (2, 3, 7, 5, 4, (3, 2), (2, 1), (1, 0, 0, 1)),
    (1, 1, 4, 9, 2, (1, 5), (1, 3), (0, 0, 2, 3)),
    (3, 2, 6, 4, 5, (5, 3), (3, 2), (2, 1, 1, 0)),
    (2, 5, 3, 8, 1, (3, 3), (1, 1), (0, 2, 1, 2)),
    (1, 4, 1, 1, 3, (1, 1), (2, 2), (0, 0, 0, 0)),
    (2, 2, 11, 3, 3, (4, 1), (5, 1), (3, 2, 0, 0)),
    (1, 7, 5, 6, 2, (5, 6), (1, 1), (0, 0, 0, 0)),
]

IMAGES = [  # images, channels, height, width, inputs of a sum
    (2, 3, 7, 5, 2),
    (1, 1, 4, 9, 3),
    (3, 5, 1, 6, 2),
    (2, 4, 1, 1, 3),
    (1, 17, 8, 3, 5),
]

torch.manual_seed(5)
tensors = {}


def record(prefix, y, **inputs):
    d_y = torch.randn_like(y)
    for name, tensor in inputs.items():
        tensors[f"{prefix}.{name}"] = tensor.detach().numpy()
    for name, gradient in zip(inputs, torch.autograd.grad(y, list(inputs.values()), d_y)):
        tensors[f"{prefix}.d_{name}"] = gradient.numpy()
    tensors[f"{prefix}.output"] = y.detach().numpy()
    tensors[f"{prefix}.d_output"] = d_y.numpy()


def record_window(prefix, case, y, **inputs):
    record(prefix, y, **inputs)
    kernel, stride, padding = case[5:]
    tensors[f"{prefix}.window"] = np.array([*kernel, *stride, *padding], np.float32)


for number, case in enumerate(CASES):
    n, c, h, w, filters, kernel, stride, (top, bottom, left, right) = case
    x = torch.randn(n, c, h, w, requires_grad=True)
    weight = torch.randn(filters, c, *kernel, requires_grad=True)
    bias = torch.randn(filters, requires_grad=True)
    sides = (left, right, top, bottom)
    y = F.conv2d(F.pad(x, sides), weight, bias, stride)
    record_window(f"conv.{number}", case, y, input=x, weight=weight, bias=bias)
    if top < kernel[0] and bottom < kernel[0] and left < kernel[1] and right < kernel[1]:
        y = F.max_pool2d(F.pad(x, sides, value=float("-inf")), kernel, stride)
        record_window(f"max_pool.{number}", case, y, input=x)
        # The mean over real pixels: sums over counts.
        area = kernel[0] * kernel[1]
        count = F.avg_pool2d(F.pad(torch.ones(1, 1, h, w), sides), kernel, stride) * area
        y = F.avg_pool2d(F.pad(x, sides), kernel, stride) * area / count
        record_window(f"avg_pool.{number}", case, y, input=x)

for number, (n, c, h, w, count) in enumerate(IMAGES):
    inputs = [torch.randn(n, c, h, w, requires_grad=True) for _ in range(count)]
    y = inputs[0]
    for x in inputs[1:]:
        y = torch.add(y, x)
    record(f"add.{number}", y, **{f"input{i}": x for i, x in enumerate(inputs)})
    x = inputs[0]
    record(f"global_avg_pool.{number}", F.adaptive_avg_pool2d(x, 1), input=x)

made_by = {"made_by": f"torch {torch.__version__}, numpy {np.__version__}"}
tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
save_file(tensors, f"{sys.argv[1]}/pytorch.safetensors", made_by)
