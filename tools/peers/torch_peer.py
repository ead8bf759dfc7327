"""The reference network in PyTorch: answers the requests of worker.py.

Training: `eager`, with the fused Adam; predicting: `inference_mode`. Each also as `channels_last`, the memory layout
that PyTorch advises for convolutions on a CPU.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
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

torch.set_num_threads(THREADS)


def network():
    model = nn.Sequential(
        nn.Conv2d(CHANNELS, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, 64),
        nn.ReLU(),
        nn.Linear(64, CLASSES),
    )
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS
    return model


def resident(batch, layout):
    return torch.from_numpy(images(batch, CHANNELS, HEIGHT, WIDTH)).to(memory_format=layout)


def train(layout, batch, seconds):
    # Fresh for each measurement: Adam's moments of units that no longer fire sink, over hundreds of steps, to denormal
    # numbers: slow ones.
    model = network().to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
    x, y = resident(batch, layout), torch.from_numpy(labels(batch))

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return median_seconds(step, seconds)


@torch.inference_mode()
def predict(layout, batch, seconds):
    model = network().eval().to(memory_format=layout)
    x = resident(batch, layout)
    return median_seconds(lambda: model(x), seconds)


training = {"eager": partial(train, torch.contiguous_format), "channels_last": partial(train, torch.channels_last)}
predicting = {
    "inference_mode": partial(predict, torch.contiguous_format),
    "channels_last": partial(predict, torch.channels_last),
}
serve("PyTorch", {"torch": torch.__version__}, {"train": training, "predict": predicting})
