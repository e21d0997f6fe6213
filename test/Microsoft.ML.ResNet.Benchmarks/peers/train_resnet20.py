"""Trains ResNet20 (He et al. 2015, section 4.2) on a folder of class folders with plain PyTorch, as the peer of the trainer.

The recipe: float32, He initialisation, SGD with momentum 0.9 and a weight decay of 5e-4 (not on norms and biases), one cycle to the
given rate, random crop with a black border of 4 pixels, horizontal flip, ImageNet's mean and deviation. Needs torch, numpy and Pillow:

    python3 train_resnet20.py --train cifar10/train --test cifar10/test --epochs 30 --seed 0
"""
import argparse
import json
import os
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--train", required=True)
parser.add_argument("--test", required=True)
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--rate", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
torch.manual_seed(arguments.seed)


def read(folder):
    images, labels = [], []
    for label, name in enumerate(sorted(os.listdir(folder))):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            images.append(np.asarray(Image.open(os.path.join(folder, name, file)).convert("RGB")))
            labels.append(label)
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def normalise(images):
    return ((images.float() / 255 - MEAN) / DEVIATION).contiguous(memory_format=torch.channels_last)


def augment(images, padding=4):
    size = images.shape[-1]
    padded = F.pad(images, (padding,) * 4)
    rows = []
    for image in padded:
        top, left = torch.randint(0, 2 * padding + 1, (2,)).tolist()
        crop = image[:, top:top + size, left:left + size]
        rows.append(crop.flip(-1) if torch.rand(1) < 0.5 else crop)
    return torch.stack(rows)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(x)) + shortcut, inplace=True)


def resnet20(classes):
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    inputs = 16
    for stage, width in enumerate((16, 32, 64)):
        for block in range(3):
            layers.append(Block(inputs, width, 2 if stage > 0 and block == 0 else 1))
            inputs = width
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network.to(memory_format=torch.channels_last)


images, labels = read(arguments.train)
test_images, test_labels = read(arguments.test)
network = resnet20(int(labels.max()) + 1)
decayed = [p for p in network.parameters() if p.ndim > 1]
others = [p for p in network.parameters() if p.ndim <= 1]
optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": 5e-4}, {"params": others}], lr=arguments.rate, momentum=0.9)
steps = -(-len(images) // arguments.batch)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, arguments.rate, total_steps=steps * arguments.epochs, cycle_momentum=False)
started = time.time()
for epoch in range(arguments.epochs):
    network.train()
    for rows in torch.randperm(len(images)).split(arguments.batch):
        loss = F.cross_entropy(network(normalise(augment(images[rows]))), labels[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
seconds = time.time() - started
network.eval()
with torch.no_grad():
    right = sum((network(normalise(x)).argmax(1) == y).sum().item() for x, y in zip(test_images.split(250), test_labels.split(250)))
print(json.dumps({"seed": arguments.seed, "epochs": arguments.epochs, "accuracy": right / len(test_labels), "seconds": round(seconds, 1),
                  "images_per_second": round(len(images) * arguments.epochs / seconds, 1), "threads": arguments.threads}), flush=True)
