#!/usr/bin/env python3
"""Train the residual network on Fashion-MNIST and write it as ONNX.

    python3 train.py --validate            55,000 pictures, judged on 5,000 others
    python3 train.py -o model.onnx         all 60,000, judged once on the test set

The first form is for choosing hyper-parameters, the second makes the shipped
file. The seed is fixed; another processor, thread count or PyTorch version may
still round differently and end a few pictures higher or lower.
"""

import argparse
import time

import numpy as np
import onnx
import torch
from torch.nn import functional

import dataset
from network import SIZE, Network, onnx_model

MEAN = 0.2860
STD = 0.3530

VALIDATION_COUNT = 5000
EVALUATION_BATCH = 500
CROP_PADDING = 2
ERASE_SIZE = 8
ERASE_PROBABILITY = 0.5
MOMENTUM = 0.9
WARM_UP = 0.2


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Train the Fashion-MNIST residual network and write it as ONNX."
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "-o", "--output", help="train on all 60,000 pictures, write this ONNX file"
    )
    target.add_argument(
        "--validate",
        action="store_true",
        help="train on 55,000 pictures, report the accuracy on the other 5,000",
    )
    parser.add_argument(
        "--data",
        default=dataset.DEFAULT_FOLDER,
        help="folder of the four IDX files (default: %(default)s)",
    )
    parser.add_argument("--epochs", type=int, default=70, help="default: %(default)s")
    parser.add_argument("--batch", type=int, default=128, help="default: %(default)s")
    parser.add_argument(
        "--rate",
        type=float,
        default=0.1,
        help="highest learning rate of the cycle (default: %(default)s)",
    )
    parser.add_argument(
        "--decay",
        type=float,
        default=5e-4,
        help="weight decay (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2, help="default: %(default)s")
    parser.add_argument(
        "--float32",
        action="store_true",
        help="train in float32; without it convolutions use bfloat16",
    )
    return parser.parse_args()


def load_tensors(folder, part):
    """Pictures as float [count, 1, 28, 28] in 0..1, classes as integers."""
    pictures, classes = dataset.load(folder, part)
    pixels = torch.from_numpy(pictures.astype(np.float32) / 255)
    return pixels.unsqueeze(1), torch.from_numpy(classes.astype(np.int64))


def normalise(pixels):
    scaled = (pixels - MEAN) / STD
    return scaled.contiguous(memory_format=torch.channels_last)


def random_crop(pixels):
    """Shift each picture by up to CROP_PADDING pixels, filling with black."""
    padded = functional.pad(pixels, [CROP_PADDING] * 4)
    count = len(pixels)
    top = torch.randint(0, 2 * CROP_PADDING + 1, (count, 1))
    left = torch.randint(0, 2 * CROP_PADDING + 1, (count, 1))
    line = torch.arange(SIZE)
    rows = (top + line)[:, :, None]
    columns = (left + line)[:, None, :]
    picture = torch.arange(count)[:, None, None]
    return padded[picture, 0, rows, columns].unsqueeze(1)


def random_flip(pixels):
    flipped = torch.rand(len(pixels), 1, 1, 1) < 0.5
    return torch.where(flipped, pixels.flip(3), pixels)


def random_erase(pixels):
    """Set a square to the mean in some pictures; it may reach over the edge."""
    count = len(pixels)
    line = torch.arange(SIZE)
    low = 1 - ERASE_SIZE // 2
    high = SIZE - ERASE_SIZE // 2
    top = torch.randint(low, high, (count, 1))
    left = torch.randint(low, high, (count, 1))
    rows = (line >= top) & (line < top + ERASE_SIZE)
    columns = (line >= left) & (line < left + ERASE_SIZE)
    chosen = torch.rand(count, 1, 1) < ERASE_PROBABILITY
    square = rows[:, :, None] & columns[:, None, :] & chosen
    return pixels.masked_fill(square.unsqueeze(1), MEAN)


def augment(pixels):
    return random_erase(random_flip(random_crop(pixels)))


def train_epoch(network, optimizer, schedule, pixels, classes, options):
    """One pass over the pictures; returns mean loss and accuracy on the way."""
    network.train()
    loss_sum = 0.0
    correct = 0
    seen = 0
    order = torch.randperm(len(pixels))
    for chosen in order.split(options.batch)[: len(pixels) // options.batch]:
        batch = normalise(augment(pixels[chosen]))
        wanted = classes[chosen]
        with torch.autocast("cpu", torch.bfloat16, enabled=not options.float32):
            logits = network(batch)
        logits = logits.float()
        loss = functional.cross_entropy(logits, wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        loss_sum += loss.item() * len(chosen)
        correct += (logits.argmax(1) == wanted).sum().item()
        seen += len(chosen)
    return loss_sum / seen, correct / seen


def train(network, pixels, classes, options):
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=options.rate,
        momentum=MOMENTUM,
        nesterov=True,
        weight_decay=options.decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=options.rate,
        epochs=options.epochs,
        steps_per_epoch=len(pixels) // options.batch,
        pct_start=WARM_UP,
        cycle_momentum=False,
    )
    start = time.monotonic()
    for epoch in range(1, options.epochs + 1):
        loss, accuracy = train_epoch(
            network, optimizer, schedule, pixels, classes, options
        )
        print(
            f"epoch {epoch}/{options.epochs}  loss {loss:.4f}  "
            f"accuracy {accuracy:.4f}  {time.monotonic() - start:.0f} s",
            flush=True,
        )


@torch.no_grad()
def count_correct(network, pixels, classes):
    """Pictures classified correctly, computed in float32."""
    network.eval()
    correct = 0
    for batch, wanted in zip(
        pixels.split(EVALUATION_BATCH), classes.split(EVALUATION_BATCH)
    ):
        correct += (network(normalise(batch)).argmax(1) == wanted).sum().item()
    return correct


def main():
    options = parse_arguments()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)

    pixels, classes = load_tensors(options.data, "train")
    if options.validate:
        judged = pixels[-VALIDATION_COUNT:], classes[-VALIDATION_COUNT:]
        pixels, classes = pixels[:-VALIDATION_COUNT], classes[:-VALIDATION_COUNT]
    else:
        judged = load_tensors(options.data, "t10k")

    network = Network().to(memory_format=torch.channels_last)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(f"{parameters} parameters, {len(pixels)} training pictures", flush=True)
    train(network, pixels, classes, options)

    correct = count_correct(network, *judged)
    print(f"correct: {correct}/{len(judged[0])}")
    if options.output:
        onnx.save(onnx_model(network), options.output)
        print(f"wrote {options.output}")


if __name__ == "__main__":
    main()
