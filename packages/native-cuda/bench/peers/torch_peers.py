"""PyTorch as a careful user would write it, eager."""

import time

import torch

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def versions():
    return {"torch": torch.__version__}


def device_of(parameters):
    torch.set_num_threads(parameters["threads"])
    return torch.device(parameters.get("device", "cpu"))


def wait():
    if torch.cuda.is_available():
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


def fastest(functions, *arguments):
    def seconds(function):
        times = []
        for _ in range(4):
            wait()
            start = time.perf_counter()
            function(*arguments)
            wait()
            times.append(time.perf_counter() - start)
        return min(times)

    return min(functions, key=seconds)


def positions_of(parameters):
    """[windows][steps] rows of each sample: window i is every windows-th row from i."""
    size = 4 if parameters["dtype"] == "f32" else 2
    steps = parameters["steps"]
    windows = max(1, parameters["poolBytes"] // (size * parameters["width"]) // steps)
    return windows * steps, [torch.arange(steps) * windows + i for i in range(windows)]


def step_score(parameters, transform=lambda function: function):
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
        product = fastest(PRODUCTS, pool[:steps], labels)
    score = transform(lambda rows, weights, *of: candidate_scores(product(rows, weights), *of))

    def run(sample):
        with torch.inference_mode():
            torch.index_select(pool, 0, positions[sample % len(positions)], out=gathered)
            return score(gathered, labels, segments, counts, last)

    expected = torch.softmax(pool[positions[0][:4]].double() @ labels.t().double(), dim=1)[:, 0]
    torch.testing.assert_close(run(0)[0][:4].double(), expected, rtol=2e-2, atol=1e-3)
    return run


def step_loss(parameters, transform=lambda function: function):
    """Cross-entropy of a linear head on consecutive rows and the gradient of its weights, by autograd."""
    device = device_of(parameters)
    dtype = DTYPES[parameters["dtype"]]
    rows, width = parameters["rows"], parameters["width"]
    size = torch.finfo(dtype).bits // 8
    windows = max(1, parameters["poolBytes"] // (size * width) // rows)
    pool = random_rows(windows * rows, width, dtype, device)
    targets = (torch.arange(rows, device=device) % 3 != 0).to(dtype)
    head = (torch.randn(width, generator=torch.Generator().manual_seed(2)) / width**0.5).to(device, dtype).requires_grad_()
    bias = torch.zeros((), device=device, dtype=dtype, requires_grad=True)

    def loss_of(features, weights, offset):
        return torch.nn.functional.binary_cross_entropy_with_logits(torch.mv(features, weights) + offset, targets)

    function = transform(loss_of)

    def run(sample):
        begin = sample % windows * rows
        head.grad = bias.grad = None
        loss = function(pool[begin : begin + rows], head, bias)
        loss.backward()
        return loss

    run(0)
    logits = pool[:rows].double() @ head.detach().double()
    expected = pool[:rows].double().t() @ (torch.sigmoid(logits) - targets.double()) / rows
    torch.testing.assert_close(head.grad.double(), expected, rtol=5e-2, atol=2e-3)
    return run


def adamw(parameters):
    """torch.optim.AdamW, fused."""
    device = device_of(parameters)
    weights = torch.nn.Parameter(torch.randn(parameters["size"], device=device) * 0.02)
    weights.grad = torch.randn_like(weights)
    optimizer = torch.optim.AdamW([weights], lr=1e-3, weight_decay=0.01, fused=True)

    def run(_):
        optimizer.step()

    return run


def compiled(function):
    return torch.compile(function, mode="max-autotune-no-cudagraphs", dynamic=False)


def step_score_compiled(parameters):
    return step_score(parameters, compiled)


def step_loss_compiled(parameters):
    return step_loss(parameters, compiled)


def random_outcomes(parameters, device):
    generator = torch.Generator(device=device).manual_seed(4)
    count = parameters["steps"] * parameters["rollouts"]
    return torch.randint(0, 4, (count,), generator=generator, device=device, dtype=torch.uint8)


def grouped_labels(parameters):
    """Counts of segments and rates, without intervals and labels."""
    device = device_of(parameters)
    outcomes = random_outcomes(parameters, device)
    lengths = torch.full((parameters["steps"],), parameters["rollouts"], device=device)

    def run(_):
        correct = torch.segment_reduce((outcomes == 1).float(), "sum", lengths=lengths)
        completed = torch.segment_reduce((outcomes != 3).float(), "sum", lengths=lengths)
        return correct / completed

    return run


def keyed_labels(parameters):
    """The same for rollouts in random order."""
    device = device_of(parameters)
    outcomes = random_outcomes(parameters, device)
    steps = parameters["steps"]
    keys = torch.randperm(outcomes.numel(), device=device) % steps

    def run(_):
        correct = torch.bincount(keys, weights=(outcomes == 1).float(), minlength=steps)
        completed = torch.bincount(keys, weights=(outcomes != 3).float(), minlength=steps)
        return correct / completed

    return run
