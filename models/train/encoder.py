"""Trains the text encoder: `python models/train/encoder.py DATA BASE RUN`, with DATA the folder of labelled texts and
BASE the folder of all-MiniLM-L6-v2 (model card: where to get them), RUN a folder for weights, checkpoint and log.
With `--late` the latest year and a tenth of the other heads' rows are held out: so settings are chosen. Without it
everything but the `val` files and the test part of needs_answer is trained on. A run that was stopped goes on from its
last checkpoint when started again with the same arguments. `export.py` makes the shipped folder of a run.
"""

import argparse
import json
import random
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from tqdm import tqdm

import judge
import masked
from data import batches, goemotions_labels, load, sample, without_handles
from measure import EMOTION, LANGUAGES, LOG, SENTIMENT, say
from model import from_minilm, padded
from text import Pieces
from vocabulary import build

CLASSES = {"sentiment": SENTIMENT, "emotion": EMOTION}
NONE = -100
SMALL = ("complaint", "irony", "emotion", "needs_answer")
WARM_UP = 0.06
HEAD_RATE_FACTOR = 10
CHECKPOINT_EVERY = 200
AVERAGE_EVERY, AVERAGE_DECAY = 4, 0.98
GRADIENT_MAX = 1.0
HEADS_SEED = 1


def options():
    parser = argparse.ArgumentParser(description="train the text encoder")
    parser.add_argument("data", type=Path)
    parser.add_argument("base", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--late", action="store_true", help="hold out the latest year, to choose settings")
    parser.add_argument("--share", type=float, default=1.0, help="train on a fixed part of the rows")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=8e-5)
    parser.add_argument("--smoothing", type=float, default=0.05)
    parser.add_argument("--goemotions", type=float, default=0.3, help="weight of the auxiliary task; 0 leaves it out")
    parser.add_argument("--goemotions-share", type=float, default=1.0, help="part of its rows to train on")
    parser.add_argument("--masked", type=int, default=0, help="epochs of guessing masked pieces before the heads are trained")
    parser.add_argument("--repeat", type=int, default=1, help="how often rows of small heads and other languages stand in an epoch")
    parser.add_argument("--begin", type=Path, help="begin with a run's weights and pieces, and keep all posts of needs_answer beside --share")
    parser.add_argument("--bare", action="store_true", help="posts of needs_answer also without their handles")
    parser.add_argument("--only", help="train this head alone")
    parser.add_argument("--no-adjust", action="store_true", help="no logit adjustment of sentiment and emotion")
    parser.add_argument("--no-average", action="store_true", help="last weights instead of their moving average")
    parser.add_argument("--no-emoji", action="store_true", help="emoji are unknown, as in the published vocabulary")
    parser.add_argument("--no-words", action="store_true", help="no new words in the vocabulary")
    parser.add_argument("--no-prune", action="store_true", help="all published pieces")
    parser.add_argument("--no-split", action="store_true", help="hashtags as they stand")
    parser.add_argument("--no-shorten", action="store_true", help="elongations as they stand")
    parser.add_argument("--consistency", type=float, default=0.0, help="weight of R-Drop (Liang et al., 2021); doubles the time")
    parser.add_argument("--teacher", type=Path, nargs="*", default=[], help="runs whose mean probabilities are learnt, too")
    parser.add_argument("--teacher-weight", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


class Targets:
    """Targets of rows as tensors, missing ones marked, and what is added to the logits while training: the logarithm of
    how common each class is (Menon et al., 2021), so that the logits themselves speak for equally common classes."""

    def __init__(self, rows, names, adjust):
        self.names = names
        self.class_of = {head: torch.full((len(rows),), NONE) for head in CLASSES}
        self.share_of = {}
        self.weight_of = {}
        self.prior_of = {head: torch.zeros(len(rows), len(classes)) for head, classes in CLASSES.items()}
        self.goemotions = torch.zeros(len(rows), len(names))
        for at, row in enumerate(rows):
            for head, target in row.target.items():
                self.weight_of.setdefault(head, torch.zeros(len(rows)))[at] = row.weight[head]
                if head in CLASSES:
                    self.class_of[head][at] = target
                elif head == "goemotions":
                    self.goemotions[at, [names.index(name) for name in target]] = 1.0
                else:
                    self.share_of.setdefault(head, torch.zeros(len(rows)))[at] = target
        foreign = torch.tensor([row.source in LANGUAGES for row in rows])
        for head, classes in CLASSES.items() if adjust else ():
            # The other languages' rows are balanced already.
            counted = self.class_of[head][~foreign]
            counts = torch.bincount(counted[counted != NONE], minlength=len(classes)) + 1.0
            self.prior_of[head][~foreign] = (counts / counts.sum()).log()

    def loss(self, logits, at, smoothing, goemotions):
        """The mean over rows of the sum over their heads."""
        total = 0.0
        for head, weights in self.weight_of.items():
            weight = weights[at]
            if head in CLASSES:
                known = logits[head] + self.prior_of[head][at]
                part = cross_entropy(known, self.class_of[head][at], reduction="none", label_smoothing=smoothing, ignore_index=NONE)
            elif head == "goemotions":
                part = goemotions * binary_cross_entropy_with_logits(logits[head], self.goemotions[at], reduction="none").sum(1)
            else:
                share = self.share_of[head][at] * (1 - smoothing) + smoothing / 2
                part = binary_cross_entropy_with_logits(logits[head][:, 0], share, reduction="none")
            total = total + (part * weight).sum()
        return total / len(at)


def apart(first, second):
    """How far two rows of logits say different things, summed over the heads: symmetric Kullback-Leibler divergence."""
    total = 0.0
    for head in first:
        if head in CLASSES:
            p, q = first[head].log_softmax(1), second[head].log_softmax(1)
            total = total + ((p.exp() - q.exp()) * (p - q)).sum(1).mean() / 2
        else:
            p, q = first[head], second[head]
            total = total + ((p.sigmoid() - q.sigmoid()) * (p - q)).mean() / 2
    return total


def groups(model, rate):
    body = [p for name, p in model.named_parameters() if not name.startswith("heads.") and p.dim() > 1]
    thin = [p for name, p in model.named_parameters() if not name.startswith("heads.") and p.dim() == 1]
    heads = list(model.heads.parameters())
    return [
        {"params": body, "lr": rate, "weight_decay": 0.01},
        {"params": thin, "lr": rate, "weight_decay": 0.0},
        {"params": heads, "lr": rate * HEAD_RATE_FACTOR, "weight_decay": 0.01},
    ]


def rare(row):
    return row.source in LANGUAGES or any(head in row.target for head in SMALL)


def vocabulary(chosen, rows):
    published = [piece for piece in (chosen.base / "vocab.txt").read_text("utf-8").split("\n") if piece]
    texts = [[row.text for row in rows if (row.source in LANGUAGES) == foreign] for foreign in (False, True)]
    return build(published, *texts, prune=not chosen.no_prune, emoji=not chosen.no_emoji, words=not chosen.no_words)


def save(path, **parts):
    """Written beside and then moved, so that a run stopped meanwhile leaves the older whole file."""
    torch.save(parts, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def train(chosen, rows, pieces, model, device):
    names = goemotions_labels(rows)
    targets = Targets(rows, names, not chosen.no_adjust)
    ids = [pieces.ids(row.text) for row in rows]
    teachers = [judge.logits(*judge.opened(run), [row.text for row in rows], device) for run in chosen.teacher]
    taught = {head: torch.stack([t[head] for t in teachers]).mean(0) for head in teachers[0]} if teachers else None
    optimizer = torch.optim.AdamW(groups(model, chosen.rate), betas=(0.9, 0.98), fused=True)
    average = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    per_epoch = len(batches([len(row) for row in ids], chosen.batch, random.Random(0)))
    total = per_epoch * chosen.epochs

    def rate(step):
        return min(step / (WARM_UP * total), (total - step) / (total * (1 - WARM_UP)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(rate(step + 1), 0.0))
    done, path = 0, chosen.run / "checkpoint.pt"
    if path.exists():
        kept = torch.load(path, map_location=device)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        schedule.load_state_dict(kept["schedule"])
        average, done = kept["average"], kept["done"]
        say(f"going on after {done} of {total} steps")
    model.train()
    for epoch in range(done // per_epoch, chosen.epochs):
        rng = random.Random(chosen.seed * 1000 + epoch)
        recent = []
        planned = batches([len(row) for row in ids], chosen.batch, rng)[done - epoch * per_epoch :]
        bar = tqdm(planned, desc=f"epoch {epoch + 1}", mininterval=5)
        for batch in bar:
            torch.manual_seed(chosen.seed * 1_000_000 + done)
            x, at = padded([ids[row] for row in batch]).to(device), torch.tensor(batch)
            with torch.autocast(device, dtype=torch.bfloat16):
                logits = model(torch.cat([x, x]) if chosen.consistency else x)
            logits = {head: part.cpu() for head, part in logits.items()}
            if chosen.consistency:
                halves = [{head: part.chunk(2)[half] for head, part in logits.items()} for half in (0, 1)]
                loss = sum(targets.loss(half, at, chosen.smoothing, chosen.goemotions) for half in halves) / 2
                loss = loss + chosen.consistency * apart(*halves)
            else:
                loss = targets.loss(logits, at, chosen.smoothing, chosen.goemotions)
            if taught:
                # Of needs_answer the labels tell more than earlier runs, which leant on handles.
                said = {head: part for head, part in logits.items() if head in taught and head != "needs_answer"}
                loss = loss + chosen.teacher_weight * apart(said, {head: taught[head][at] for head in said})
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_MAX)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            recent = recent[-99:] + [loss.item()]
            if done % AVERAGE_EVERY == 0:
                # Young averages forget faster, or the untrained weights would stay in them.
                age = done // AVERAGE_EVERY
                share = 1 - min(AVERAGE_DECAY, (age + 1) / (age + 10))
                with torch.no_grad():
                    for name, tensor in model.state_dict().items():
                        average[name].lerp_(tensor, share)
            done += 1
            if done % 20 == 0:
                bar.set_postfix(loss=f"{np.mean(recent):.3f}")
            if done % CHECKPOINT_EVERY == 0 or done % per_epoch == 0:
                save(path, model=model.state_dict(), optimizer=optimizer.state_dict(), schedule=schedule.state_dict(),
                     average=average, done=done)
        shutil.copy(path, chosen.run / f"epoch-{epoch + 1}.pt")
        say(f"epoch {epoch + 1}: {per_epoch} steps, loss {np.mean(recent):.4f} over the last {len(recent)}")
    if not chosen.no_average:
        model.load_state_dict(average)


def main():
    chosen = options()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(chosen.threads)
    # Heads begin alike whatever the seed, so that runs can be averaged.
    torch.manual_seed(HEADS_SEED)
    chosen.run.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    rows, held = load(chosen.data, chosen.late)
    every = rows
    new, start = vocabulary(chosen, every) if not chosen.begin else (judge.kept(chosen.begin)["vocabulary"], None)
    share = chosen.goemotions_share if chosen.goemotions else 0.0
    other = [row for row in rows if row.source != "goemotions"]
    rows = other + sample([row for row in rows if row.source == "goemotions"], share, chosen.seed)
    if chosen.only:
        rows = [row for row in rows if chosen.only in row.target]
        for row in rows:
            row.target = {chosen.only: row.target[chosen.only]}
    if chosen.share < 1:
        asked = [row for row in rows if chosen.begin and "needs_answer" in row.target]
        rows = asked + [row for row in sample(rows, chosen.share, chosen.seed) if not (chosen.begin and "needs_answer" in row.target)]
    if chosen.bare:
        rows += without_handles(rows)
    rows += [row for row in rows if rare(row)] * (chosen.repeat - 1)
    settings = {key: str(value) for key, value in vars(chosen).items() if key not in ("data", "base", "run", "threads")}
    say(f"settings {json.dumps(settings)}")
    pieces = Pieces(new, split_tags=not chosen.no_split, shorten=not chosen.no_shorten)
    auxiliary = {"goemotions": len(goemotions_labels(rows))} if chosen.goemotions and not chosen.only else {}
    model = judge.opened(chosen.begin)[0] if chosen.begin else from_minilm(chosen.base, new, start, auxiliary)
    model.to(device)
    if chosen.masked and not (chosen.run / "checkpoint.pt").exists():
        masked.adapt(model, [pieces.ids(row.text) for row in sample(every, chosen.share, chosen.seed)], chosen.masked, chosen.seed, device)
    say(f"{len(rows)} rows, {len(new)} pieces, {sum(p.numel() for p in model.parameters())} parameters, on {device}")
    train(chosen, rows, pieces, model, device)
    trained = time.monotonic() - began
    save(chosen.run / "model.pt", model=model.state_dict(), config=model.config, vocabulary=new, settings=settings)
    judge.judged(chosen.run, held, device, quick=chosen.share < 1)
    print(f"{trained:.0f} s of training, {time.monotonic() - began:.0f} s in all")
    (chosen.run / "train.log").write_text("\n".join(LOG) + "\n")


if __name__ == "__main__":
    main()
