"""The sequence model, one file to be read top to bottom: what a viewer did, to where the viewer stands now.

A small causal transformer. A token is the sum of the embeddings of its fields; the state after a token, scaled to unit
norm, is the viewer's vector at that moment; the titles' vectors are the unit-norm rows of the same title table that
tokens are read with. Knows no events, no viewers' ids, no loss.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from foundation.errors import InvalidConfig
from foundation.vocabulary import KNOWN

ROTARY_PERIOD = 10_000.0
EMBEDDING_SPREAD = 0.03
"""Standard deviation of initial embeddings: small, so that a few steps can turn a title's direction (measured)."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The size of the model. `dimension` is that of the viewer's vector, `length` the most rows it reads."""

    dimension: int = 32
    layers: int = 2
    heads: int = 2
    length: int = 64
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if min(self.dimension, self.layers, self.heads) < 1 or self.length < 2:
            raise InvalidConfig("dimension, layers and heads must be at least 1, length at least 2")
        if self.dimension % (2 * self.heads):
            raise InvalidConfig(f"dimension {self.dimension} must be a multiple of twice the {self.heads} heads")
        if not 0.0 <= self.dropout < 1.0:
            raise InvalidConfig(f"dropout {self.dropout} must lie in [0, 1)")


class Attention(nn.Module):
    """Causal self-attention with rotary positions (Su et al. 2021, https://arxiv.org/abs/2104.09864, eq. 34)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.read = nn.Linear(config.dimension, 3 * config.dimension, bias=False)
        self.write = nn.Linear(config.dimension, config.dimension, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        b, length, d = x.shape
        query, key, value = (
            part.view(b, length, self.heads, d // self.heads).transpose(1, 2) for part in self.read(x).split(d, -1)
        )
        seen = functional.scaled_dot_product_attention(  # (b, heads, length, d / heads)
            rotated(query, turn),
            rotated(key, turn),
            value,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=True,
        )
        return self.write(seen.transpose(1, 2).reshape(b, length, d))


class Block(nn.Module):
    """Attention, then a feed-forward net, each added to what came in."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d = config.dimension
        self.norm_attention, self.norm_feed = nn.RMSNorm(d), nn.RMSNorm(d)
        self.attention = Attention(config)
        self.feed = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        x = x + self.drop(self.attention(self.norm_attention(x), turn))
        return x + self.drop(self.feed(self.norm_feed(x)))


class ViewerModel(nn.Module):
    """Encoded tokens in, viewer vectors out. `sizes` are the number of ids of each field, the title's first."""

    offsets: Tensor
    cosines: Tensor
    sines: Tensor

    def __init__(self, config: ModelConfig, sizes: tuple[int, ...]) -> None:
        super().__init__()
        d = config.dimension
        self.titles = nn.Embedding(sizes[0], d)
        self.fields = nn.Embedding(sum(sizes[1:]), d)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.drop, self.norm = nn.Dropout(config.dropout), nn.RMSNorm(d)
        self.sharpness = nn.Parameter(torch.tensor(2.0))
        self.familiarity = nn.Parameter(torch.zeros(sizes[0] - KNOWN))
        self.register_buffer("offsets", torch.tensor([0, *sizes[1:-1]]).cumsum(0), persistent=False)
        cosines, sines = turns(config.length, d // config.heads)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)
        self.apply(_draw_weights)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the vector after every row, unit norm: rows (b, length, fields) int64 to (b, length, dimension)."""
        length = rows.shape[1]
        fields = self.fields(rows[..., 1:] + self.offsets).sum(-2)  # (b, length, d)
        x = self.drop(self.titles(rows[..., 0]) + fields)
        for block in self.blocks:
            x = block(x, (self.cosines[:length], self.sines[:length]))
        return functional.normalize(self.norm(x), dim=-1)

    def title_vectors(self) -> Tensor:
        """Return the vector of every known title, (titles, dimension), unit norm."""
        return functional.normalize(self.titles.weight[KNOWN:], dim=-1)

    def scores(self, viewers: Tensor) -> Tensor:
        """Return unnormalised log-probabilities of the title wanted next, (n, dimension) to (n, titles)."""
        return torch.addmm(self.familiarity, self.sharpness.exp() * viewers, self.title_vectors().T)


def turns(length: int, size: int) -> tuple[Tensor, Tensor]:
    """Return the cosine and sine of every position's rotation, each (length, size / 2)."""
    rates = ROTARY_PERIOD ** -(torch.arange(0, size, 2) / size)
    angles = torch.outer(torch.arange(length), rates)
    return angles.cos(), angles.sin()


def rotated(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair of numbers by its position's angle: x (b, heads, length, size), turn two (length, size / 2)."""
    cosines, sines = turn
    even, odd = x.chunk(2, -1)
    return torch.cat([even * cosines - odd * sines, even * sines + odd * cosines], -1)


def _draw_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=EMBEDDING_SPREAD)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.5 * module.in_features**-0.5)
        if cast("Tensor | None", module.bias) is not None:
            nn.init.zeros_(module.bias)
