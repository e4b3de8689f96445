"""Averages the weights of runs that began alike (Wortsman et al., 2022): `python models/train/average.py OUT RUN RUN...`.
`judge.py` judges the result as any other run.
"""

import argparse
from pathlib import Path

import torch


def main():
    parser = argparse.ArgumentParser(description="average the weights of runs")
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    chosen = parser.parse_args()
    kept = [torch.load(run / "model.pt", map_location="cpu") for run in chosen.runs]
    first = kept[0]
    for other in kept[1:]:
        if other["vocabulary"] != first["vocabulary"]:
            parser.error("the runs have different pieces")
    models = [one["model"] for one in kept]
    first["model"] = {name: torch.stack([model[name] for model in models]).mean(0) for name in models[0]}
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.save(first, chosen.out / "model.pt")


if __name__ == "__main__":
    main()
