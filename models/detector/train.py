"""Train the text detector: one command, seeded, resumable, on two CPU cores or a GPU.

``python train.py --fonts DIRECTORY --out DIRECTORY [--steps N]``

Frames come from the compositor, one new frame a step, in the order of their seeds; a window of
recent frames is kept and each step cuts `batch` crops from it. A checkpoint holds model, average,
optimiser and step; on resume the window is made again, so an interrupted run draws the same
frames and crops as one that was not. ``export.py`` turns ``last.pt`` into the ONNX file.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import torch
from canvas import GRAPHICS, Canvas
from compositor import frame
from model import CLASSES, MEAN, SCALE, TextNetwork
from torch import Tensor, nn
from torch.nn import functional

Rng = np.random.Generator
CLASS_WEIGHTS = (1.0, 0.3, 0.3)
AHEAD = 6
"""Frames each worker makes before they are asked for."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome besides the code and the fonts.

    Parameters
    ----------
    seed, steps, batch
        Seed of weights and crops; optimiser steps; crops a step.
    side
        Crop size in pixels, a multiple of 16.
    window
        Frames kept to cut crops from.
    rate, decay
        Peak learning rate and weight decay of AdamW (one cycle, cosine).
    average
        Decay of the running average of the weights, which is what is exported.
    first
        Number of the first frame, so that a second run from given weights sees new ones.
    """

    seed: int = 1
    steps: int = 3600
    batch: int = 16
    side: int = 256
    window: int = 200
    rate: float = 3e-3
    decay: float = 1e-4
    average: float = 0.998
    first: int = 0


def frames(fonts: str, start: int, workers: int) -> Iterator[Canvas]:
    """Yield the training frames from number `start` on, in order, a few made ahead."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, initializer=_single_thread) as pool:
        numbers = count(start)
        ahead = deque(
            pool.apply_async(frame, (fonts, "train", next(numbers))) for _ in range(AHEAD * workers)
        )
        while True:
            ahead.append(pool.apply_async(frame, (fonts, "train", next(numbers))))
            yield ahead.popleft().get()


def _single_thread() -> None:
    cv2.setNumThreads(1)
    os.nice(1)


def crop(rng: Rng, canvas: Canvas, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return samples and truth of a square; three in four are centred near text or graphics."""
    rows, columns = canvas.shape
    y, x = _centre(rng, canvas)
    top = int(np.clip(y - rng.uniform(0.2, 0.8) * side, 0, max(0, rows - side)))
    left = int(np.clip(x - rng.uniform(0.2, 0.8) * side, 0, max(0, columns - side)))
    image = canvas.image[top : top + side, left : left + side]
    truth = canvas.truth[top : top + side, left : left + side]
    pad = ((0, side - image.shape[0]), (0, side - image.shape[1]))
    return np.pad(image, (*pad, (0, 0))), np.pad(truth, pad)


def _centre(rng: Rng, canvas: Canvas) -> tuple[float, float]:
    draw = rng.random()
    if draw < 0.6 and canvas.labels:
        top, left, bottom, right = canvas.labels[int(rng.integers(len(canvas.labels)))].box
        return (top + bottom) / 2, rng.uniform(left, right)
    if draw < 0.75:
        found = np.flatnonzero(canvas.truth & GRAPHICS)
        if len(found):
            return divmod(int(found[int(rng.integers(len(found)))]), canvas.shape[1])
    return rng.uniform(0, canvas.shape[0]), rng.uniform(0, canvas.shape[1])


def target(truth: np.ndarray) -> np.ndarray:
    """Return ``(classes, H/2, W/2)`` 0/1: the ink of text grown by a pixel, graphics and codes as drawn."""
    planes = [(truth & (1 << k)) > 0 for k in range(len(CLASSES))]
    planes[0] = cv2.dilate(planes[0].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    stack = np.stack(planes)
    return stack.reshape(len(CLASSES), truth.shape[0] // 2, 2, truth.shape[1] // 2, 2).any(axis=(2, 4))


def batches(recipe: Recipe, source: Iterator[Canvas], start: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield normalised images and targets, from step `start` on."""
    window = deque((next(source) for _ in range(recipe.window)), maxlen=recipe.window)
    for step in range(start, recipe.steps):
        rng = np.random.default_rng([recipe.seed, step])
        chosen = [crop(rng, window[int(rng.integers(len(window)))], recipe.side) for _ in range(recipe.batch)]
        images = torch.from_numpy(np.stack([i for i, _ in chosen]).transpose(0, 3, 1, 2).astype(np.float32))
        targets = torch.from_numpy(np.stack([target(t) for _, t in chosen]).astype(np.float32))
        yield (images / 255 - MEAN) / SCALE, targets
        window.append(next(source))


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Return cross-entropy, the same over its hardest fiftieth, and dice of the text class."""
    cross = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    weights = torch.tensor(CLASS_WEIGHTS, device=logits.device)
    text = cross[:, 0].flatten()
    hardest = text.topk(max(1, text.numel() // 50)).values.mean()
    guess = logits[:, 0].sigmoid()
    dice = 1 - (2 * (guess * targets[:, 0]).sum() + 1) / (guess.sum() + targets[:, 0].sum() + 1)
    return (cross.mean(dim=(0, 2, 3)) * weights).sum() * 4 + 0.15 * hardest + dice


class Run:
    """Model, optimiser and the running average, with their checkpoint."""

    def __init__(self, recipe: Recipe, out: Path, device: str) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.device, self.step = recipe, out, device, 0
        self.model = TextNetwork().to(device, memory_format=torch.channels_last)
        self.average = deepcopy(self.model).eval()
        self.optimiser = torch.optim.AdamW(self.model.parameters(), recipe.rate, weight_decay=recipe.decay)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, recipe.rate, total_steps=recipe.steps + 1, pct_start=0.1
        )

    def parts(self) -> dict[str, object]:
        """Return what a checkpoint holds."""
        return {
            "model": self.model,
            "average": self.average,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
        }

    def resume(self) -> None:
        """Load the last checkpoint, if there is one made with the same recipe."""
        path = self.out / "last.pt"
        if path.exists():
            saved = torch.load(path, map_location=self.device, weights_only=True)
            if saved["recipe"] != asdict(self.recipe):
                raise ValueError("the checkpoint was made with another recipe; choose another --out")
            for name, part in self.parts().items():
                part.load_state_dict(saved[name])
            self.step = saved["step"]

    def start_from(self, path: Path) -> None:
        """Begin with the averaged weights of another run."""
        weights = torch.load(path, map_location=self.device, weights_only=True)["average"]
        self.model.load_state_dict(weights)
        self.average.load_state_dict(weights)

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {name: part.state_dict() for name, part in self.parts().items()}
        torch.save({"step": self.step, "recipe": asdict(self.recipe), **state}, self.out / "next.pt")
        os.replace(self.out / "next.pt", self.out / "last.pt")

    def learn(self, images: Tensor, targets: Tensor) -> float:
        """Take one step; return the loss."""
        images = images.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device, torch.bfloat16):
            logits = self.model(images)
        loss = loss_of(logits.float(), targets.to(self.device))
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        self.schedule.step()
        self.step += 1
        self._follow()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        for mean, now in zip(
            self.average.state_dict().values(), self.model.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)


def train(recipe: Recipe, fonts: str, out: Path, workers: int, start: Path | None = None) -> None:
    """Run to the last step, saving every 250; `start` is a checkpoint whose average to begin with."""
    out.mkdir(parents=True, exist_ok=True)
    run = Run(recipe, out, "cuda" if torch.cuda.is_available() else "cpu")
    if start:
        run.start_from(start)
    run.resume()
    started, recent = time.monotonic(), deque(maxlen=100)
    for images, targets in batches(recipe, frames(fonts, recipe.first + run.step, workers), run.step):
        recent.append(run.learn(images, targets))
        if run.step % 50 == 0:
            line = {
                "step": run.step,
                "loss": round(float(np.mean(recent)), 4),
                "seconds": round(time.monotonic() - started),
            }
            print(json.dumps(line), flush=True)
        if run.step % 250 == 0:
            run.save()
    run.save()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fonts", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=Recipe.steps)
    parser.add_argument("--rate", type=float, default=Recipe.rate)
    parser.add_argument("--first", type=int, default=Recipe.first)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = Recipe(steps=options.steps, rate=options.rate, first=options.first)
    train(recipe, options.fonts, options.out, options.workers, options.start)


if __name__ == "__main__":
    main()
