"""The encoder and its heads, with the names that the Hugging Face layout gives a BERT encoder; the heads are plain linear
layers `heads.NAME` over the mean of the last layer's tokens."""

import json

import torch
from safetensors.torch import load_file
from torch import nn

from measure import EMOTION, SENTIMENT

POSITIONS = 128
# Outputs of the heads that ship, in the order of a row of logits.
HEADS = {
    "sentiment": SENTIMENT, "complaint": ["complaint"], "offensive": ["offensive"], "irony": ["ironic"],
    "needs_answer": ["yes"], "emotion": EMOTION,
}


class Drop(nn.Module):
    """Dropout that leaves out the same features in all tokens of a row: a mask a row is far cheaper than one a token."""

    def __init__(self, share):
        super().__init__()
        self.share = share

    def forward(self, x):
        if not self.training or self.share == 0:
            return x
        shape = (x.shape[0],) + (1,) * (x.dim() - 2) + (x.shape[-1],)
        keep = torch.rand(shape, device=x.device) >= self.share
        return x * (keep / (1 - self.share)).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.self = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, eps=1e-12)})

    def forward(self, x, mask, drop):
        rows, length, width = x.shape
        parts = [self.self[name](x).view(rows, length, self.heads, -1).transpose(1, 2) for name in ("query", "key", "value")]
        query, key, value = parts
        # Written out, since the fused kernel's backward pass is slow on a processor at the length of a post.
        scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5) + mask
        mixed = scores.softmax(-1).to(value.dtype) @ value
        mixed = mixed.transpose(1, 2).reshape(rows, length, width)
        return self.output["LayerNorm"](x + drop(self.output["dense"](mixed)))


class Layer(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.attention = Attention(width, heads)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = nn.ModuleDict({"dense": nn.Linear(inner, width), "LayerNorm": nn.LayerNorm(width, eps=1e-12)})

    def forward(self, x, mask, drop):
        x = self.attention(x, mask, drop)
        inner = nn.functional.gelu(self.intermediate["dense"](x))
        return self.output["LayerNorm"](x + drop(self.output["dense"](inner)))


class Encoder(nn.Module):
    def __init__(self, config, extra=None, dropout=0.1):
        super().__init__()
        width = config["hidden_size"]
        self.config = config
        self.embeddings = nn.ModuleDict({
            "word_embeddings": nn.Embedding(config["vocab_size"], width, padding_idx=0),
            "position_embeddings": nn.Embedding(config["max_position_embeddings"], width),
            "token_type_embeddings": nn.Embedding(config["type_vocab_size"], width),
            "LayerNorm": nn.LayerNorm(width, eps=1e-12),
        })
        layers = [
            Layer(width, config["num_attention_heads"], config["intermediate_size"])
            for _ in range(config["num_hidden_layers"])
        ]
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        sizes = {name: len(classes) for name, classes in HEADS.items()} | (extra or {})
        self.heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in sizes.items()})
        self.drop = Drop(dropout)

    def tokens(self, ids):
        """[rows x tokens x width]; padding is 0."""
        real = ids != 0
        e = self.embeddings
        places = e["position_embeddings"].weight[: ids.shape[1]] + e["token_type_embeddings"].weight[0]
        x = self.drop(e["LayerNorm"](e["word_embeddings"](ids) + places))
        mask = torch.zeros(ids.shape, device=ids.device).masked_fill(~real, -1e4)[:, None, None, :]
        for layer in self.encoder["layer"]:
            x = layer(x, mask, self.drop)
        return x

    def pooled(self, ids):
        """[rows x width]: the mean over all tokens of a row, [CLS] and [SEP] included, padding left out."""
        real = (ids != 0)[..., None]
        return (self.tokens(ids).float() * real).sum(1) / real.sum(1)

    def forward(self, ids):
        mean = self.drop(self.pooled(ids))
        return {name: head(mean).float() for name, head in self.heads.items()}


def from_minilm(folder, new, start, extra):
    """The published weights under a new vocabulary; heads start at random (seeded by the caller)."""
    config = json.loads((folder / "config.json").read_text())
    config = {key: config[key] for key in (
        "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "type_vocab_size"
    )} | {"vocab_size": len(new), "max_position_embeddings": POSITIONS}
    old = load_file(folder / "model.safetensors")
    old = {name.removeprefix("bert."): tensor.float() for name, tensor in old.items()}
    words = old["embeddings.word_embeddings.weight"]
    old["embeddings.word_embeddings.weight"] = torch.stack([words[ids].mean(0) for ids in start])
    old["embeddings.position_embeddings.weight"] = old["embeddings.position_embeddings.weight"][:POSITIONS]
    model = Encoder(config, extra)
    wanted = {name for name in model.state_dict() if not name.startswith("heads.")}
    model.load_state_dict({name: old[name] for name in wanted}, strict=False)
    return model


def padded(rows):
    """Lists of ids as one tensor, 0 after the end of the shorter ones."""
    length = max(len(row) for row in rows)
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])
