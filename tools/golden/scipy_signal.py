"""convolve2d and correlate2d in every mode in SciPy. Writes scipy.safetensors.

Each case is stored as `<function>.<mode>.<n>.<image|kernel|output>` in float64; the first half are small integers.
"""

import sys

import numpy as np
import scipy
from safetensors.numpy import save_file
from scipy import signal

SIZES = [  # image rows, columns, kernel rows, columns
    (5, 5, 3, 3),
    (6, 4, 2, 3),
    (4, 7, 3, 2),
    (5, 6, 2, 2),
    (3, 8, 1, 4),
    (7, 3, 4, 1),
    (2, 3, 4, 5),
    (3, 3, 3, 3),
    (1, 1, 2, 3),
    (3, 5, 2, 6),
]

random = np.random.default_rng(3)
tensors = {}
for number, (rows, columns, kernel_rows, kernel_columns) in enumerate(SIZES * 2):
    if number < len(SIZES):
        image = random.integers(-9, 10, (rows, columns)).astype(np.float64)
        kernel = random.integers(-9, 10, (kernel_rows, kernel_columns)).astype(np.float64)
    else:
        image = random.normal(size=(rows, columns))
        kernel = random.normal(size=(kernel_rows, kernel_columns))
    for function in (signal.convolve2d, signal.correlate2d):
        for mode in ("valid", "same", "full"):
            try:
                output = function(image, kernel, mode)
            except ValueError:
                continue  # neither lies within the other
            prefix = f"{function.__name__}.{mode}.{number}"
            tensors[f"{prefix}.image"] = image
            tensors[f"{prefix}.kernel"] = kernel
            tensors[f"{prefix}.output"] = output

made_by = {"made_by": f"scipy {scipy.__version__}, numpy {np.__version__}"}
tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
save_file(tensors, f"{sys.argv[1]}/scipy.safetensors", made_by)
