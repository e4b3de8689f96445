"""Goes on with masked-word training (Devlin et al., 2019; Gururangan et al., 2020) on the training texts alone, without
their labels, so that the encoder and its new pieces get used to social text before the heads are trained."""

import random

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from data import batches
from measure import say
from model import padded

BATCH = 64
RATE = 2e-4
SHARE = 0.15
MASK, FIRST = 4, 5  # the pieces before FIRST are special


def hidden(ids, vocabulary):
    """(ids with some pieces masked or exchanged, where)"""
    chosen = (torch.rand(ids.shape) < SHARE) & (ids >= FIRST)
    dice = torch.rand(ids.shape)
    out = ids.clone()
    out[chosen & (dice < 0.8)] = MASK
    other = chosen & (dice >= 0.9)
    out[other] = torch.randint(FIRST, vocabulary, ids.shape)[other]
    return out, chosen


def adapt(model, ids, epochs, seed, device):
    width, vocabulary = model.config["hidden_size"], model.config["vocab_size"]
    words = model.embeddings["word_embeddings"].weight
    turn = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width)).to(device)
    bias = nn.Parameter(torch.zeros(vocabulary, device=device))
    body = [p for name, p in model.named_parameters() if not name.startswith("heads.")]
    optimizer = torch.optim.AdamW(body + list(turn.parameters()) + [bias], RATE, betas=(0.9, 0.98), fused=True)
    lengths = [len(row) for row in ids]
    total = epochs * len(batches(lengths, BATCH, random.Random(0)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total, pct_start=0.06, anneal_strategy="linear")
    model.train()
    for epoch in range(epochs):
        recent = []
        for batch in tqdm(batches(lengths, BATCH, random.Random(seed + epoch)), desc=f"masked {epoch + 1}", mininterval=5):
            whole = padded([ids[at] for at in batch])
            shown, where = hidden(whole, vocabulary)
            with torch.autocast(device, dtype=torch.bfloat16):
                guess = turn(model.tokens(shown.to(device))[where.to(device)]) @ words.T + bias
            loss = cross_entropy(guess.float(), whole[where].to(device))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(body, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            recent = recent[-199:] + [loss.item()]
        say(f"masked epoch {epoch + 1}: loss {sum(recent) / len(recent):.3f}")
