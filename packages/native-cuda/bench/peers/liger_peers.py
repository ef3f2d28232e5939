"""Liger's fused linear cross-entropy with a vocabulary of the two labels. Never run: no GPU was at hand."""

import importlib.metadata

import torch
from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

from torch_peers import DTYPES, random_rows, wait  # noqa: F401


def versions():
    return {"torch": torch.__version__, "liger-kernel": importlib.metadata.version("liger-kernel")}


def step_loss(parameters):
    device = torch.device(parameters.get("device", "cpu"))
    if device.type != "cuda":
        raise RuntimeError("Liger needs a GPU")
    rows, width = parameters["rows"], parameters["width"]
    dtype = DTYPES[parameters["dtype"]]
    features = random_rows(rows, width, dtype, device)
    labels = (torch.arange(rows, device=device) % 3 != 0).long()
    weight = (torch.randn(2, width, device=device) / width**0.5).to(dtype).requires_grad_()
    loss_of = LigerFusedLinearCrossEntropyLoss()

    def run(_):
        weight.grad = None
        loss_of(weight, features, labels).backward()

    return run
