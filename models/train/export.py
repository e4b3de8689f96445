"""Makes the shipped folder of a run that was judged: `python models/train/export.py RUN`. Weights in fp16 under the names
of the Hugging Face layout, the calibration folded into the heads; the same in int8 for the engine inside the program; a
golden file computed in fp32 from the fp16 weights; a manifest. What int8 loses is measured with that engine:
`reputed model eval`.
"""

import argparse
import json
import shutil
from pathlib import Path

import blake3
import torch
from safetensors.torch import save_file

import judge
from golden_encoder import texts
from measure import LOG, say
from model import HEADS
from text import PIECES_MAX

MODEL = "text-1"


def quantised(weights):
    """The same tensors with the linear layers and the table of words as 8-bit integers, a scale a row beside each."""
    out = {}
    for name, tensor in weights.items():
        layer = name.endswith(".weight") and name.startswith("encoder.") and tensor.dim() == 2
        if layer or name == "embeddings.word_embeddings.weight":
            scale = tensor.float().abs().amax(1).clamp_min(1e-12) / 127
            out[name] = (tensor.float() / scale[:, None]).round().to(torch.int8)
            out[f"{name}_scale"] = scale
        else:
            out[name] = tensor
    return out


def shipped(run, scales):
    """(model in fp32 with weights rounded to fp16 and the calibration inside, pieces)"""
    model, pieces = judge.opened(run)
    if "goemotions" in model.heads:
        del model.heads["goemotions"]
    with torch.no_grad():
        for head, (factor, shift) in scales.items():
            model.heads[head].weight.mul_(factor)
            model.heads[head].bias.mul_(factor).add_(torch.tensor(shift))
        for tensor in model.state_dict().values():
            tensor.copy_(tensor.half().float())
    return model.eval(), pieces


def row(found):
    """All heads side by side, in the order of HEADS."""
    return torch.cat([found[head] for head in HEADS], 1)


def main():
    parser = argparse.ArgumentParser(description="make the shipped folder of a run")
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / MODEL)
    chosen = parser.parse_args()
    model, pieces = shipped(chosen.run, json.loads((chosen.run / "scales.json").read_text()))
    out = chosen.out
    out.mkdir(parents=True, exist_ok=True)
    config = model.config | {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 0,
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.0, "position_embedding_type": "absolute",
        "torch_dtype": "float16", "pooling": "mean", "heads": HEADS,
    }
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (out / "vocab.txt").write_text("\n".join(pieces.list) + "\n", "utf-8")
    (out / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": PIECES_MAX,
        "preparation": "models/train/text.py",
    }, indent=1) + "\n")
    weights = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, out / "model.safetensors", {"format": "pt"})
    save_file(quantised(weights), out / "int8.safetensors")
    golden = texts()
    found = row(judge.logits(model, pieces, golden, half=False))
    with (out / "golden.jsonl").open("w", encoding="utf-8") as file:
        for text, logits in zip(golden, found.tolist()):
            line = {"text": text, "ids": pieces.ids(text), "logits": [round(x, 5) for x in logits]}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    lines = ["# Written by models/train/export.py; the loader refuses files that differ.", f'model = "{MODEL}"']
    for name in ("int8.safetensors", "model.safetensors", "vocab.txt", "config.json"):
        (out / name).chmod(0o644)
        whole = (out / name).read_bytes()
        lines.append(f'\n[[file]]\nname = "{name}"\nbytes = {len(whole)}\nblake3 = "{blake3.blake3(whole).hexdigest()}"')
    shutil.copy(chosen.run / "calibration.svg", out)
    (out / "manifest.toml").write_text("\n".join(lines) + "\n")
    say(f"{sum(tensor.numel() for tensor in weights.values())} weights, {len(pieces.list)} pieces")
    (out / "export.log").write_text("\n".join(LOG) + "\n")


if __name__ == "__main__":
    main()
