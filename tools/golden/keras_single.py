"""Single operations in Keras: SAME padding at strides above 1, for convolution and both poolings; the activations.

Writes keras_single.safetensors. Each window is stored as `<operation>.<n>.<tensor>` in Glassbox's layouts; its sizes are read from the tensors and from
`<operation>.<n>.window`: kernel height, kernel width, vertical stride, horizontal stride. Activations are stored as
`<activation>.<tensor>`.
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file

CASES = [  # images, channels, height, width, filters, kernel, stride
    (2, 3, 7, 6, 4, (3, 3), (2, 2)),
    (1, 2, 8, 5, 3, (3, 2), (2, 3)),
    (3, 1, 9, 11, 2, (5, 4), (2, 2)),
    (2, 4, 6, 9, 5, (2, 5), (3, 2)),
    (1, 3, 5, 4, 2, (1, 3), (2, 2)),
]

random = np.random.default_rng(11)


def nchw(value):
    value = np.asarray(value)
    return value.transpose(0, 3, 1, 2) if value.ndim == 4 else value


tensors = {}
for number, (n, c, h, w, filters, kernel, stride) in enumerate(CASES):
    x = tf.Variable(random.normal(size=(n, h, w, c)).astype(np.float32))
    weight = tf.Variable(random.normal(size=(*kernel, c, filters)).astype(np.float32))
    strides = {"kernel": list(kernel), "strides": list(stride)}

    def conv(x):
        return keras.ops.conv(x, weight, strides=stride, padding="same")

    def max_pool(x):
        return keras.ops.max_pool(x, kernel, strides=stride, padding="same")

    def avg_pool(x):
        return keras.ops.average_pool(x, kernel, strides=stride, padding="same")

    for operation in (conv, max_pool, avg_pool):
        with tf.GradientTape() as tape:
            y = operation(x)
            d_y = random.normal(size=y.shape).astype(np.float32)
            total = tf.reduce_sum(y * d_y)
        prefix = f"{operation.__name__}.{number}"
        sources = {"d_input": x, "d_weight": weight} if operation is conv else {"d_input": x}
        for name, gradient in tape.gradient(total, sources).items():
            gradient = gradient.numpy()
            tensors[f"{prefix}.{name}"] = (
                gradient.transpose(3, 2, 0, 1) if name == "d_weight" else nchw(gradient)
            )
        if operation is conv:
            tensors[f"{prefix}.weight"] = weight.numpy().transpose(3, 2, 0, 1)
        tensors[f"{prefix}.input"] = nchw(x)
        tensors[f"{prefix}.output"] = nchw(y)
        tensors[f"{prefix}.d_output"] = nchw(d_y)
        tensors[f"{prefix}.window"] = np.array([*kernel, *stride], np.float32)

x = tf.Variable(np.concatenate([random.normal(size=60) * 3, [0.0, -0.0, 20.0, -20.0]]).astype(np.float32))
for name, activation in {
    "linear": lambda x: x * 1.0,
    "relu": keras.activations.relu,
    "leaky_relu": lambda x: keras.activations.leaky_relu(x, 0.01),
    "elu": keras.activations.elu,
    "sigmoid": keras.activations.sigmoid,
    "tanh": keras.activations.tanh,
    "silu": keras.activations.silu,
}.items():
    with tf.GradientTape() as tape:
        y = activation(x)
    tensors[f"{name}.input"] = x.numpy()
    tensors[f"{name}.output"] = y.numpy()
    tensors[f"{name}.d_input"] = tape.gradient(y, x).numpy()

made_by = {"made_by": f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}"}
tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
save_file(tensors, f"{sys.argv[1]}/keras_single.safetensors", made_by)
