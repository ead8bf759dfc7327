"""The reference network in TensorFlow: answers the requests of worker.py.

Training: `compiled_step`, a tf.function around GradientTape and Keras's Adam, and `fit`, Keras's own loop, where a step
is the mean over an epoch. Predicting: `compiled`, a tf.function around the model. Images are NHWC, TensorFlow's layout.
"""

import math
import os
from functools import cache
from time import perf_counter

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf
from worker import (
    CHANNELS,
    CLASSES,
    HEIGHT,
    LEARNING_RATE,
    PARAMETERS,
    THREADS,
    WIDTH,
    images,
    labels,
    median_seconds,
    serve,
)

tf.config.threading.set_intra_op_parallelism_threads(THREADS)

FIT_WARM_UP = 8  # batches

loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((HEIGHT, WIDTH, CHANNELS)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(CLASSES),
        ]
    )
    assert model.count_params() == PARAMETERS
    return model


def resident(batch):
    return tf.constant(images(batch, HEIGHT, WIDTH, CHANNELS)), tf.constant(labels(batch))


class Trainer:
    """A model and its Adam, compiled once and put back to its first weights before each measurement."""

    def __init__(self):
        self.model = network()
        self.optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self.optimizer.build(self.model.trainable_variables)
        self.model.compile(self.optimizer, loss_of)
        self.state = self.model.variables + self.optimizer.variables
        self.first = [variable.numpy() for variable in self.state]
        self.step = tf.function(self.eager_step)

    def eager_step(self, x, y):
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            loss = loss_of(y, self.model(x, training=True))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    def reset(self):
        # Adam's moments of units that no longer fire sink, over hundreds of steps, to denormal numbers: slow ones.
        for variable, value in zip(self.state, self.first):
            variable.assign(value)

    def epoch(self, batch, batches):
        """Seconds of one step of `fit`, without the setting up before the epoch."""
        times = []
        clock = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda *_: times.append(perf_counter()),
            on_epoch_end=lambda *_: times.append(perf_counter()),
        )
        x, y = (tf.concat([tensor] * batches, axis=0) for tensor in resident(batch))
        self.model.fit(x, y, batch_size=batch, shuffle=False, verbose=0, callbacks=[clock])
        start, end = times
        return (end - start) / batches


@cache
def trainer():
    return Trainer()


@cache
def predictor():
    model = network()
    return tf.function(lambda x: model(x, training=False))


def compiled_step(batch, seconds):
    train = trainer()
    train.reset()
    x, y = resident(batch)
    # Reading a result waits for it.
    return median_seconds(lambda: train.step(x, y).numpy(), seconds)


def fit(batch, seconds):
    train = trainer()
    train.reset()
    train.epoch(batch, 1)  # compiles
    estimate = train.epoch(batch, FIT_WARM_UP)
    return train.epoch(batch, max(FIT_WARM_UP, math.ceil(seconds / estimate)))


def compiled(batch, seconds):
    predict = predictor()
    x, _ = resident(batch)
    return median_seconds(lambda: predict(x).numpy(), seconds)


libraries = {"tensorflow": tf.__version__, "keras": keras.__version__}
serve(
    "TensorFlow", libraries, {"train": {"compiled_step": compiled_step, "fit": fit}, "predict": {"compiled": compiled}}
)
