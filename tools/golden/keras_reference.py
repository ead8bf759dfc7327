"""The reference network in Keras: logits, activations, loss, gradients and ten Adam steps, for both input shapes.

Writes keras_1x28x28.safetensors and keras_3x32x32.safetensors into the folder given. Weights and images are drawn as
crates/verify/src/keras.rs draws them; everything is stored in Glassbox's layouts.
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from philox import AUGMENT, INIT, between
from safetensors.numpy import save_file

SEED, IMAGES, STEPS, STEP_IMAGES, RATE = 7, 2, 10, 4, 1e-3


def network(channels, height, width):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((height, width, channels)),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(64, 3, activation="relu", name="conv3"),
            layers.Flatten(name="flatten"),
            layers.Dense(64, activation="relu", name="dense1"),
            layers.Dense(10, name="dense2"),
        ]
    )


def fans(shape):
    field = int(np.prod(shape[2:]))
    return shape[1] * field, shape[0] * field


def images(count, shape, index):
    pixels = between(0.0, 1.0, SEED, AUGMENT, 0, index, count * int(np.prod(shape)))
    return pixels.reshape(count, *shape).transpose(0, 2, 3, 1)


def to_glassbox(name, value, last):
    """A Keras weight or its gradient in Glassbox's layout; `last` is the shape (h, w, c) that is flattened."""
    if value.ndim == 4:
        return value.transpose(3, 2, 0, 1)
    if name.startswith("dense1") and value.ndim == 2:
        return value.reshape(*last, -1).transpose(3, 2, 0, 1).reshape(value.shape[1], -1)
    return value.T if value.ndim == 2 else value


def from_glassbox(name, value, last):
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    if name.startswith("dense1") and value.ndim == 2:
        height, width, channels = last
        return value.reshape(-1, channels, height, width).transpose(2, 3, 1, 0).reshape(-1, value.shape[0])
    return value.T if value.ndim == 2 else value


def golden(channels, height, width):
    model = network(channels, height, width)
    last = model.get_layer("conv3").output.shape[1:]
    names = []
    for layer in model.layers:
        for kind, variable in zip(("weight", "bias"), layer.trainable_variables):
            name = f"{layer.name}.{kind}"
            shape = to_glassbox(name, np.zeros(variable.shape, np.float32), last).shape
            index = len(names)
            limit = np.sqrt(6.0 / sum(fans(shape))) if kind == "weight" else 0.1
            drawn = between(-limit, limit, SEED, INIT, 0, index, int(np.prod(shape))).reshape(shape)
            variable.assign(from_glassbox(name, drawn, last))
            names.append(name)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    variables = model.trainable_variables
    x, labels = images(IMAGES, (channels, height, width), 0), np.array([3, 9])
    outputs = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
    with tf.GradientTape() as tape:
        activations = outputs(x)
        loss = loss_of(labels, activations[-1])
    tensors = {"loss": np.array([loss], np.float32)}
    for layer, value in zip(model.layers, activations):
        value = value.numpy()
        if layer.name == "flatten":
            continue  # conv3 in Keras's order
        name = "logits" if layer.name == "dense2" else layer.name
        tensors[name] = value.transpose(0, 3, 1, 2) if value.ndim == 4 else value
    for name, gradient in zip(names, tape.gradient(loss, variables)):
        tensors[f"d_{name}"] = to_glassbox(name, gradient.numpy(), last)
    optimizer = keras.optimizers.Adam(RATE)
    losses = []
    for step in range(STEPS):
        x = images(STEP_IMAGES, (channels, height, width), 1 + step)
        labels = (np.arange(STEP_IMAGES) * 3 + step) % 10
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(x))
        losses.append(float(loss))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    tensors["adam_losses"] = np.array(losses, np.float32)
    return {name: np.ascontiguousarray(value) for name, value in tensors.items()}


folder = sys.argv[1]
made_by = {"made_by": f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}"}
for shape in [(1, 28, 28), (3, 32, 32)]:
    path = "{}/keras_{}x{}x{}.safetensors".format(folder, *shape)
    save_file(golden(*shape), path, made_by)
