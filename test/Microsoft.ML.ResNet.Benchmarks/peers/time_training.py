"""Times training steps of plain PyTorch, channels-last, float32, on tensors that lie ready, as the peer of Fit. Prints images/s.

    python3 time_training.py --network resnet18 --batch 32 --steps 5 --threads 2

Debian's PyTorch takes one thread of its own accord on some machines with two processors: say how many.
"""
import argparse
import time

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--network", choices=["resnet18", "resnet20"], required=True)
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--steps", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)


class Cifar(nn.Module):
    """ResNet20 of torchvision's blocks (He et al. 2015, section 4.2)."""

    def __init__(self):
        super().__init__()
        block = torchvision.models.resnet.BasicBlock
        layers, inputs = [], 16
        for stage, width in enumerate((16, 32, 64)):
            for i in range(3):
                stride = 2 if stage > 0 and i == 0 else 1
                projection = None
                if stride != 1:
                    projection = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))
                layers.append(block(inputs, width, stride, projection))
                inputs = width
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        self.stages = nn.Sequential(*layers)
        self.fc = nn.Linear(64, 2)

    def forward(self, x):
        return self.fc(self.stages(self.stem(x)).mean((2, 3)))


size = 224 if arguments.network == "resnet18" else 32
network = torchvision.models.resnet18(num_classes=2) if arguments.network == "resnet18" else Cifar()
network = network.to(memory_format=torch.channels_last).train()
optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
images = torch.randn(arguments.batch, 3, size, size).contiguous(memory_format=torch.channels_last)
labels = torch.randint(0, 2, (arguments.batch,))


def step():
    optimizer.zero_grad()
    loss = F.cross_entropy(network(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


step()
start = time.perf_counter()
for _ in range(arguments.steps):
    step()
print(arguments.steps * arguments.batch / (time.perf_counter() - start))
