"""PyTorch as a careful user would write it, eager."""

import time

import torch

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def versions():
    return {"torch": torch.__version__}


def device_of(parameters):
    torch.set_num_threads(parameters["threads"])
    return torch.device(parameters.get("device", "cpu"))


def finished(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def random_rows(rows, width, dtype, device):
    generator = torch.Generator(device=device).manual_seed(width)
    pattern = torch.randn(8191, generator=generator, device=device).to(dtype)
    return pattern.repeat(rows * width // 8191 + 1)[: rows * width].view(rows, width)


def candidate_scores(logits, segments, counts, last):
    """P(+) per step; min, mean, product, last, max and geometric mean per candidate."""
    logs = torch.log_softmax(logits.float(), dim=1)[:, 0]
    p = logs.exp()
    smallest = torch.full_like(counts, torch.inf).scatter_reduce_(0, segments, p, "amin")
    largest = torch.full_like(counts, -torch.inf).scatter_reduce_(0, segments, p, "amax")
    sums = torch.zeros_like(counts).index_add_(0, segments, p)
    log_sums = torch.zeros_like(counts).index_add_(0, segments, logs)
    return p, smallest, sums / counts, log_sums.exp(), p[last], largest, (log_sums / counts).exp()


# Forms of the same product; which is fastest depends on dtype and threads.
PRODUCTS = [
    lambda rows, labels: torch.nn.functional.linear(rows, labels),
    lambda rows, labels: rows @ labels.t(),
    lambda rows, labels: (labels @ rows.t()).t(),
    lambda rows, labels: torch.stack([rows @ labels[0], rows @ labels[1]], dim=1),
]


def fastest(functions, device, *arguments):
    def seconds(function):
        times = []
        for _ in range(4):
            finished(device)
            start = time.perf_counter()
            function(*arguments)
            finished(device)
            times.append(time.perf_counter() - start)
        return min(times)

    return min(functions, key=seconds)


def positions_of(parameters):
    """[windows][steps] rows of each sample: window i is every windows-th row from i."""
    size = 4 if parameters["dtype"] == "f32" else 2
    steps = parameters["steps"]
    windows = max(1, parameters["poolBytes"] // (size * parameters["width"]) // steps)
    return windows * steps, [torch.arange(steps) * windows + i for i in range(windows)]


def step_score(parameters):
    """Rows gathered into memory that is there already, the fastest form of the product, softmax, aggregates."""
    device = device_of(parameters)
    dtype = DTYPES[parameters["dtype"]]
    steps, width, each = parameters["steps"], parameters["width"], parameters["candidateSteps"]
    rows, windows = positions_of(parameters)
    pool = random_rows(rows, width, dtype, device)
    positions = [window.to(device) for window in windows]
    labels = (torch.randn(2, width, generator=torch.Generator().manual_seed(1)) / width**0.5).to(device, dtype)
    segments = torch.arange(steps, device=device) // each
    counts = torch.bincount(segments).float()
    last = counts.cumsum(0).long() - 1
    gathered = torch.empty(steps, width, dtype=dtype, device=device)
    with torch.inference_mode():
        product = fastest(PRODUCTS, device, pool[:steps], labels)

    def run(sample):
        with torch.inference_mode():
            torch.index_select(pool, 0, positions[sample % len(positions)], out=gathered)
            result = candidate_scores(product(gathered, labels), segments, counts, last)
        finished(device)
        return result

    expected = torch.softmax(pool[positions[0][:4]].double() @ labels.t().double(), dim=1)[:, 0]
    torch.testing.assert_close(run(0)[0][:4].double(), expected, rtol=2e-2, atol=1e-3)
    return run
