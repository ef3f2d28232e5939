"""The tiny VLM base: a causal language model over words that sees an image prefix of 6 x 6 tokens.

Shapes: B batch, T text tokens, I = 36 image tokens, D = 96 width.
"""

import torch
from torch import nn
from torch.nn import functional as F

WIDTH = 96
HEADS = 4
LAYERS = 3
HIDDEN = 256
IMAGE_TOKENS = 36
PAD = 0


class VisionEncoder(nn.Module):
    """image [B, 3, 96, 96] in 0..1 -> embeddings [B, 36, D]."""

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Conv2d(3, 24, 5, stride=2, padding=2),
                nn.Conv2d(24, 48, 3, stride=2, padding=1),
                nn.Conv2d(48, 64, 3, stride=2, padding=1),
                nn.Conv2d(64, WIDTH, 3, stride=2, padding=1),
            ]
        )
        self.place = nn.Parameter(torch.randn(IMAGE_TOKENS, WIDTH) * 0.02)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, image):
        x = (image - 0.5) * 2
        for stage in self.stages:
            x = F.gelu(stage(x), approximate="tanh")
        return self.norm(x.flatten(2).transpose(1, 2)) + self.place


class Block(nn.Module):
    """Pre-norm transformer layer with biased scores added to the attention logits."""

    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, HIDDEN)
        self.down = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x, bias):
        batch, length, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Decoder(nn.Module):
    """embeddings [B, 36, D] and tokens [B, T] -> hidden [B, T, D], logp [B, T], gap [B, T].

    Image tokens see each other; text tokens see the image and the text up to themselves.
    hidden is taken after the last norm; logp[t] = log p(token t | image, tokens before t), 0 for t = 0;
    gap = logp - max over the vocabulary at that place, never above 0.
    """

    def __init__(self, vocabulary, max_tokens):
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        nn.init.normal_(self.words.weight, std=0.02)
        self.places = nn.Parameter(torch.randn(max_tokens, WIDTH) * 0.02)
        self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.read = nn.Linear(WIDTH, vocabulary, bias=False)

    def trunk(self, embeddings, tokens):
        length = tokens.shape[1]
        text = self.words(tokens) + self.places[:length]
        x = torch.cat([embeddings, text], dim=1)
        total = IMAGE_TOKENS + length
        index = torch.arange(total, device=x.device)
        visible = (index[None, :] <= index[:, None]) | (index[None, :] < IMAGE_TOKENS)
        bias = torch.zeros(total, total, device=x.device).masked_fill(~visible, -1e9)
        for block in self.blocks:
            x = block(x, bias)
        return self.norm(x)[:, IMAGE_TOKENS:]

    def forward(self, embeddings, tokens):
        hidden = self.trunk(embeddings, tokens)
        logits = self.read(hidden[:, :-1])
        total = torch.logsumexp(logits, dim=-1)
        claimed = logits.gather(2, tokens[:, 1:, None]).squeeze(-1)
        logp = F.pad(claimed - total, (1, 0))
        gap = F.pad(claimed - logits.amax(dim=-1), (1, 0))
        return hidden, logp, gap
